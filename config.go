package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // a county's server may come without zone files

	"github.com/goccy/go-yaml"

	"xunfang/bot/wecom"
	"xunfang/flows/understand"
	"xunfang/scheduler"
	"xunfang/store"
)

// Config is the configuration file (config.example.yaml explains every key). A secret is never printed.
type Config struct {
	Listen    string   `yaml:"listen"`
	PublicURL string   `yaml:"public_url"`
	Timezone  string   `yaml:"timezone"`
	DataDir   string   `yaml:"data_dir"`
	Policy    several  `yaml:"policy"`
	Words     []string `yaml:"words"`
	WeCom     WeCom    `yaml:"wecom"`
	Watch     Watch    `yaml:"watch"`
	Family    Family   `yaml:"family"`
	Database  Database `yaml:"database"`
	Redis     struct {
		URL string `yaml:"url"`
	} `yaml:"redis"`
	Privacy struct {
		KeyFile string `yaml:"key_file"`
		Keep    struct {
			Messages  int `yaml:"messages"`
			Tray      int `yaml:"tray"`
			Photos    int `yaml:"photos"`
			Departed  int `yaml:"departed"`
			Withdrawn int `yaml:"withdrawn"`
			Looks     int `yaml:"looks"`
		} `yaml:"keep_days"`
	} `yaml:"privacy"`
	Log struct {
		Level  string `yaml:"level"`
		Format string `yaml:"format"`
	} `yaml:"log"`

	Calendar string `yaml:"calendar"`

	zone   *time.Location
	packs  scheduler.Packs
	reader *understand.Reader
}

// WeCom is the self-built app and its callback.
type WeCom struct {
	APIBase    string `yaml:"api_base"`
	CorpID     string `yaml:"corp_id"`
	AgentID    int    `yaml:"agent_id"`
	Secret     string `yaml:"secret"`
	CardUpdate string `yaml:"card_update"`
	VoiceCall  string `yaml:"voice_call"`
	Callback   struct {
		Path           string `yaml:"path"`
		Token          string `yaml:"token"`
		EncodingAESKey string `yaml:"encoding_aes_key"`
	} `yaml:"callback"`
	Kf struct {
		OpenKfid several `yaml:"open_kfid"`
		Secret   string  `yaml:"secret"`
	} `yaml:"kf"`
}

// Watch says who hears that something is wrong with the bot itself. The robot's and the heartbeat's addresses are secrets: who
// has one can speak in its place.
type Watch struct {
	Maintainer string `yaml:"maintainer"`
	Heartbeat  struct {
		URL  string `yaml:"url"`
		File string `yaml:"file"`
	} `yaml:"heartbeat"`
	Robot string `yaml:"robot"`
}

// several are one or a list of them: packs that bind the county, 微信客服 accounts.
type several []string

// UnmarshalYAML reads either.
func (p *several) UnmarshalYAML(read func(any) error) error {
	var one string
	if read(&one) == nil {
		*p = several{one}
		return nil
	}
	var list []string
	if err := read(&list); err != nil {
		return err
	}
	*p = list
	return nil
}

// Database says where the ledger lives.
type Database struct {
	Driver string `yaml:"driver"`
	DSN    string `yaml:"dsn"`
}

func defaults() Config {
	c := Config{Listen: "127.0.0.1:8080", Timezone: "Asia/Shanghai", DataDir: "./data", Policy: several{"yongning"}, Calendar: "on"}
	c.WeCom.APIBase = "https://qyapi.weixin.qq.com"
	c.WeCom.CardUpdate, c.WeCom.VoiceCall = "api", "off"
	c.WeCom.Callback.Path = "/wecom/callback"
	c.Family.MassSend, c.Family.Official.Callback.Path = "off", "/official/callback"
	c.Database.Driver = store.SQLite
	c.Log.Level, c.Log.Format = "info", "text"
	k := &c.Privacy.Keep
	k.Messages, k.Tray, k.Photos, k.Departed, k.Withdrawn, k.Looks = 30, 7, 730, 180, 0, 1100
	return c
}

// configError is a fault of the file, said with its place and what is accepted.
type configError struct{ text string }

func (e configError) Error() string { return e.text }

var envName = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// LoadConfig reads a file. Unknown keys and bad values are refused with line and accepted values, all at once.
func LoadConfig(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, configError{fmt.Sprintf("cannot read the configuration %s: %v; copy config.example.yaml and name it with --config", path, errors.Unwrap(err))}
	}
	c := defaults()
	var faults []string
	secrets := map[string]bool{}
	expanded := envName.ReplaceAllFunc(text, func(m []byte) []byte {
		name := string(envName.FindSubmatch(m)[1])
		v, ok := os.LookupEnv(name)
		if !ok && !commented(text, m) {
			faults = append(faults, fmt.Sprintf("%s:%d: the environment variable %s is not set", path, lineOf(text, "${"+name+"}"), name))
		}
		if v != "" {
			secrets[v] = true
		}
		return []byte(v)
	})
	dec := yaml.NewDecoder(bytes.NewReader(expanded), yaml.Strict())
	if err := dec.Decode(&c); err != nil && !strings.Contains(err.Error(), "EOF") {
		return Config{}, configError{path + ":" + yamlFault(err, secrets)}
	}
	at := func(key string) string { return fmt.Sprintf("%s:%d: ", path, lineOf(text, key+":")) }
	bad := func(key, format string, args ...any) {
		faults = append(faults, at(key)+key+": "+fmt.Sprintf(format, args...))
	}
	oneOf := func(key, got string, accepted ...string) {
		for _, a := range accepted {
			if got == a {
				return
			}
		}
		bad(key, "%q is none of %s", got, strings.Join(accepted, ", "))
	}
	if c.zone, err = time.LoadLocation(c.Timezone); err != nil || c.Timezone == "" {
		bad("timezone", "%q is no time zone such as Asia/Shanghai", c.Timezone)
	}
	if c.packs, err = scheduler.LoadAll(c.Policy...); err != nil {
		bad("policy", "%v", err)
	}
	if c.reader, err = readerOf(c.Words); err != nil {
		bad("words", "%v", err)
	}
	oneOf("driver", c.Database.Driver, store.SQLite, store.MySQL)
	if c.Database.Driver == store.MySQL && c.Database.DSN == "" {
		bad("dsn", "mysql needs one, such as user:password@tcp(127.0.0.1:3306)/xunfang")
	}
	oneOf("calendar", c.Calendar, "on", "off")
	oneOf("level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf("format", c.Log.Format, "text", "json")
	for _, k := range []struct {
		key         string
		days, least int
	}{
		{"messages", c.Privacy.Keep.Messages, 8}, {"tray", c.Privacy.Keep.Tray, 3}, {"photos", c.Privacy.Keep.Photos, 1},
		{"departed", c.Privacy.Keep.Departed, 7}, {"withdrawn", c.Privacy.Keep.Withdrawn, 0}, {"looks", c.Privacy.Keep.Looks, 1096},
	} {
		if k.days < k.least {
			bad(k.key, "must be %d days or more", k.least)
		}
	}
	oneOf("card_update", c.WeCom.CardUpdate, "api", "passive")
	oneOf("voice_call", c.WeCom.VoiceCall, "on", "off")
	c.Watch.Maintainer = strings.ToLower(c.Watch.Maintainer) // WeCom compares userids without case
	if strings.ContainsAny(c.Watch.Maintainer, " |,、@") {
		bad("maintainer", "must be one userid, as in 通讯录 → the member → 账号")
	}
	beat := c.Watch.Heartbeat.URL
	if u, err := url.Parse(beat); beat != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		bad("heartbeat", "url must be an address such as https://hc-ping.com/…") // it is not quoted: who knows it can speak in its place
	}
	if _, err := c.robot(nil); err != nil {
		bad("robot", "%v", err)
	}
	c.Family.judge(c.WeCom.Callback.Path, bad, oneOf)
	if !strings.HasPrefix(c.WeCom.Callback.Path, "/") {
		bad("path", "must begin with /")
	}
	if u, err := url.Parse(c.WeCom.APIBase); err != nil || u.Host == "" {
		bad("api_base", "must be an address such as https://qyapi.weixin.qq.com")
	}
	if len(faults) > 0 {
		return Config{}, configError{strings.Join(faults, "\n")}
	}
	return c, nil
}

// readerOf reads sentences with the program's words and those of a county's files.
func readerOf(files []string) (*understand.Reader, error) {
	var added []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read the words in %s: %w", name, errors.Unwrap(err))
		}
		if _, err := understand.New(string(text)); err != nil { // each by itself, to name the file at fault
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		added = append(added, string(text))
	}
	return understand.New(added...)
}

// Door makes the callback's lock; what is wrong with its keys is a fault of the file.
func (c Config) Door() (*wecom.Door, error) {
	d, err := wecom.NewDoor(c.WeCom.CorpID, c.WeCom.Callback.Token, c.WeCom.Callback.EncodingAESKey)
	if err != nil {
		return nil, configError{"wecom.callback: " + err.Error()}
	}
	return d, nil
}

// robot is the group robot; nil where none is named.
func (c Config) robot(now func() time.Time) (*wecom.Robot, error) {
	if c.Watch.Robot == "" {
		return nil, nil
	}
	return wecom.NewRobot(c.Watch.Robot, now)
}

// dsn is the database's address; empty with SQLite means the data folder.
func (c Config) dsn() string {
	if c.Database.Driver == store.SQLite && c.Database.DSN == "" {
		return filepath.Join(c.DataDir, "xunfang.db")
	}
	return c.Database.DSN
}

// logger writes to stderr, as text or JSON.
func (c Config) logger() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log.Level)) // checked when the file was read
	o := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}

// commented says whether every use of a variable stands in a comment.
func commented(text, use []byte) bool {
	for line := range bytes.Lines(text) {
		if i := bytes.Index(line, use); i >= 0 {
			if j := bytes.IndexByte(line, '#'); j < 0 || j > i {
				return false
			}
		}
	}
	return true
}

// lineOf is the line on which a key first stands, 1 where it does not.
func lineOf(text []byte, what string) int {
	if i := bytes.Index(text, []byte(what)); i >= 0 {
		return bytes.Count(text[:i], []byte("\n")) + 1
	}
	return 1
}

// yamlFault is the decoder's complaint with its line, without the excerpt of the file: a secret may stand in it.
func yamlFault(err error, secrets map[string]bool) string {
	line, column, msg := 1, 1, err.Error()
	var y yaml.Error
	if errors.As(err, &y) {
		msg = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			line, column = t.Position.Line, t.Position.Column
		}
	}
	for s := range secrets {
		msg = strings.ReplaceAll(msg, s, "***")
	}
	return fmt.Sprintf("%d:%d: %s", line, column, strings.SplitN(msg, "\n", 2)[0])
}
