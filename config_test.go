package main

import (
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
