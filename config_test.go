package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestWatchFaults: what watches the bot is checked like the rest of the file, with its line; an address that is a secret is not quoted.
func TestWatchFaults(t *testing.T) {
	for name, c := range map[string]struct{ old, new, line, says string }{
		"a call or not":          {"voice_call: off", "voice_call: maybe", "voice_call:", `voice_call: "maybe" is none of on, off`},
		"two maintainers":        {`maintainer: ""`, "maintainer: hejun|lixia", "maintainer:", "must be one userid"},
		"no address":             {`    url: ""`, "    url: " + testSecret, "heartbeat:", "url must be an address such as"},
		"no robot":               {`robot: ""`, "robot: https://example.com/" + testSecret, "robot:", "the robot's address must be like"},
		"an unknown key":         {`    file: ""`, "    folder: x", "    folder:", "unknown field"},
		"a variable of nobody's": {`robot: ""`, "robot: ${XUNFANG_NO_ROBOT}", "robot:", "XUNFANG_NO_ROBOT is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			var text string
			path := writeConfig(t, "http://127.0.0.1:1", func(s string) string {
				if !strings.Contains(s, c.old) {
					t.Fatalf("config.example.yaml has no %q", c.old)
				}
				text = strings.Replace(s, c.old, c.new, 1)
				return text
			})
			_, err := LoadConfig(path)
			line := strings.Count(text[:strings.Index(text, c.line)], "\n") + 1
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path+":"+strconv.Itoa(line)+":") {
				t.Errorf("want line %d and %q: %v", line, c.says, err)
			}
			if err != nil && strings.Contains(err.Error(), testSecret) {
				t.Errorf("a secret is printed: %v", err)
			}
		})
	}
	path := writeConfig(t, "http://127.0.0.1:1", func(s string) string {
		return strings.NewReplacer(`maintainer: ""`, "maintainer: HeJun", "voice_call: off", "voice_call: on").Replace(s)
	})
	if c, err := LoadConfig(path); err != nil || c.Watch.Maintainer != "hejun" || c.WeCom.VoiceCall != "on" {
		t.Errorf("%+v: %v", c.Watch, err)
	}
}

// TestFamilyFaults: the ways to the elders' children are checked like the rest of the file; one account or several may be named.
func TestFamilyFaults(t *testing.T) {
	edited := func(t *testing.T, old, new string) (path, text string) {
		t.Helper()
		path = writeConfig(t, "http://127.0.0.1:1", func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("config.example.yaml has no %q", old)
			}
			text = strings.Replace(s, old, new, 1)
			return text
		})
		return path, text
	}
	for name, c := range map[string]struct{ old, new, line, says string }{
		"sent or not":        {"mass_send: off", "mass_send: maybe", "mass_send:", `mass_send: "maybe" is none of on, off`},
		"no such provider":   {`provider: ""`, "provider: pigeon", "provider:", `"pigeon" is not aliyun`},
		"no such purpose":    {"templates: {}  ", "templates: {birthday: {code: SMS_1}}  ", "birthday:", "is none of emergency, summary, confirm, urge, greeting, passed"},
		"no such notice":     {"notices: {}  ", "notices: {birthday: {template: T}}  ", "birthday:", "is none of emergency"},
		"no path":            {"path: /official/callback", "path: official", "official:", "callback.path must begin with /"},
		"an unknown key":     {"    sign: ", "    signature: ", "    signature:", "unknown field"},
		"accounts are words": {`open_kfid: ""`, "open_kfid: {a: b}", "open_kfid:", ""},
		"a secret not set":   {`access_key: ""`, "access_key: ${XUNFANG_NO_SMS}", "access_key:", "XUNFANG_NO_SMS is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			path, text := edited(t, c.old, c.new)
			_, err := LoadConfig(path)
			line := strings.Count(text[:strings.Index(text, c.line)], "\n") + 1
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path+":"+strconv.Itoa(line)+":") {
				t.Errorf("want line %d and %q: %v", line, c.says, err)
			}
		})
	}
	for text, want := range map[string][]string{`""`: nil, "wk1": {"wk1"}, "[wk1, wk2]": {"wk1", "wk2"}, `["", wk2]`: {"wk2"}, "[]": nil} {
		path, _ := edited(t, `open_kfid: ""`, "open_kfid: "+text)
		if c, err := LoadConfig(path); err != nil || !slices.Equal(c.accounts(), want) {
			t.Errorf("open_kfid: %s gives %v, want %v: %v", text, c.accounts(), want, err)
		}
	}

	// What is named by half is refused at start: nobody would notice that no message goes out that way.
	for name, c := range map[string]struct{ old, new, says string }{
		"SMS":      {`provider: ""`, "provider: aliyun", "family.sms: "},
		"official": {`app_id: ""`, "app_id: wx1", "family.official: "},
	} {
		t.Run(name+" by half", func(t *testing.T) {
			path, _ := edited(t, c.old, c.new)
			if status, _, stderr := say(t, "serve", "--config", path); status != 1 || !strings.Contains(stderr, c.says) || strings.Contains(stderr, testSecret) {
				t.Errorf("status %d: %s", status, stderr)
			}
		})
	}
}

// TestManual: what the handbook for a county's technician has them type is there: every command with its flags, every key of the
// configuration.
func TestManual(t *testing.T) {
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		said := regexp.MustCompile("xunfang(?:-run)? +([a-z][^`\n#|>()]*)").FindAllStringSubmatch(text, -1)
		for _, m := range said {
			args := strings.Fields(m[1])
			cmd, rest, err := commands().Find(args)
			if err != nil || cmd.Name() == "xunfang" {
				if args[0] == "xunfang.new" || !regexp.MustCompile(`^[a-z]+$`).MatchString(args[0]) {
					continue // a name of the program or of a file
				}
				t.Errorf("%s: there is no command %q: %v", name, m[0], err)
				continue
			}
			for _, arg := range rest {
				flag, is := strings.CutPrefix(arg, "--")
				if flag, _, _ = strings.Cut(flag, "="); is && flag != "help" && cmd.Flags().Lookup(flag) == nil {
					t.Errorf("%s: %q has no --%s", name, cmd.CommandPath(), flag)
				}
			}
		}
		for i, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(m[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, env := range envName.FindAllStringSubmatch(m[1], -1) {
				t.Setenv(env[1], testSecret)
			}
			if _, err := LoadConfig(path); err != nil {
				t.Errorf("%s: sample %d of the configuration: %v", name, i+1, err)
			}
		}
		if name == "README.zh-CN.md" && len(said) < 20 {
			t.Errorf("%s names %d commands: what it says is not found any more", name, len(said))
		}
	}
}
