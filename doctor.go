package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	sqldriver "github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"xunfang/bot/wecom"
	"xunfang/seal"
	"xunfang/store"
)

// doctor looks at the real parts a configuration names, one by one, and changes none: it writes no file, no row, no message,
// and keeps no token. Each look has its own deadline, so that one dead part does not hide the others. It prints no secret and
// nothing about an elder.
type doctor struct {
	path string
	c    Config
	out  io.Writer
	now  func() time.Time
	ring bool // the group robot may say a text

	wecom *wecom.Client // nil: what it needs is not configured
	door  *wecom.Door   // nil likewise
	token bool          // WeCom gives tokens: the checks behind it can be made
	count map[mark]int
}

// mark opens a line.
type mark string

const (
	good    mark = "ok  "
	odd     mark = "warn" // works, but somebody should know
	bad     mark = "BAD "
	skipped mark = "--  "
)

const (
	doctorPatience = 5 * time.Second
	echoPatience   = time.Second // within which WeCom wants the answer when 保存 is pressed (wecom/90930)
	clockSlack     = 30 * time.Second
	certificateMin = 14 * 24 * time.Hour
	spaceLow       = 1 << 30
	spaceNone      = 100 << 20
)

func doctorCommand() *cobra.Command {
	var path string
	var ring bool
	cmd := &cobra.Command{
		Use: "doctor --config FILE", Short: "check the configuration against the real parts, one by one",
		Long: `Prints a line for each part: ok; warn, what works but should be known; BAD, what is wrong and how to mend it; -- not
configured or not to be checked yet. It changes nothing, and says nothing to anybody: with --robot the group robot says one
text, so that those on duty see that it can. Run it as the user and with the environment that the service has.
Exit status 0 where nothing is BAD.`,
		Example: "  xunfang doctor --config /etc/xunfang/config.yaml\n  xunfang doctor --robot --config /etc/xunfang/config.yaml",
		Args:    exactly(0, "doctor takes no arguments; see --help"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return usage{errors.New("name the configuration with --config FILE; config.example.yaml is one to start from")}
			}
			d := &doctor{path: path, out: os.Stdout, now: time.Now, ring: ring}
			return d.examine(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "configuration file (see config.example.yaml)")
	cmd.Flags().BoolVar(&ring, "robot", false, "let the group robot say one text")
	return cmd
}

// examine makes every check, in the order in which things are mended.
func (d *doctor) examine(ctx context.Context) error {
	d.count = map[mark]int{}
	if d.read() {
		for _, check := range []func(context.Context){
			d.configMode, d.folder, d.key, d.rules, d.database, d.redis, d.knock, d.agent, d.members, d.menu, d.addresses,
			d.process, d.callback, d.maintainer, d.heartbeat, d.robot, d.kf, d.otherWays,
		} {
			within, cancel := context.WithTimeout(ctx, doctorPatience)
			check(within)
			cancel()
		}
		if d.wecom != nil {
			d.wecom.Close()
		}
	}
	fmt.Fprintf(d.out, "%d ok, %d to know, %d wrong, %d not checked\n", d.count[good], d.count[odd], d.count[bad], d.count[skipped])
	if n := d.count[bad]; n > 0 {
		return fmt.Errorf("doctor found %d wrong; mend what begins with BAD from the top and run doctor again", n)
	}
	return nil
}

// say prints a line. No secret can be in it, whoever worded it.
func (d *doctor) say(m mark, subject, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, s := range d.secrets() {
		text = strings.ReplaceAll(text, s, "***")
	}
	d.count[m]++
	fmt.Fprintf(d.out, "%s %s: %s\n", m, subject, strings.ReplaceAll(text, "\n", " "))
}

// secrets are the values that stay inside.
func (d *doctor) secrets() []string {
	all := []string{d.c.WeCom.Secret, d.c.WeCom.Callback.Token, d.c.WeCom.Callback.EncodingAESKey, d.c.WeCom.Kf.Secret,
		d.c.Watch.Robot, d.c.Watch.Heartbeat.URL, d.c.Family.SMS.Secret, d.c.Family.Official.Secret, d.c.Family.Official.Callback.Token,
		d.c.Family.Official.Callback.EncodingAESKey}
	if c, err := sqldriver.ParseDSN(d.c.Database.DSN); err == nil { // whatever the driver: it may be the wrong one
		all = append(all, c.Passwd)
	}
	if u, err := url.Parse(d.c.Redis.URL); err == nil && u.User != nil {
		password, _ := u.User.Password()
		all = append(all, password)
	}
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < 4 }) // a shorter one would only black out words
}

// read loads the file; every fault is a line. False: there is nothing to go on with.
func (d *doctor) read() bool {
	c, err := LoadConfig(d.path)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			d.say(bad, "config", "%s", strings.TrimSpace(line))
		}
		return false
	}
	d.c = c
	faults := d.count[bad]
	if d.door, err = c.Door(); err != nil {
		d.say(bad, "config", "%v; copy Token and EncodingAESKey from 应用管理 → the app → 接收消息 → 设置API接收", err)
	}
	d.wecom, err = wecom.NewClient(wecom.Config{APIBase: c.WeCom.APIBase, CorpID: c.WeCom.CorpID, AgentID: c.WeCom.AgentID,
		Secret: c.WeCom.Secret, Timeout: doctorPatience, Now: d.now})
	if err != nil {
		d.say(bad, "config", "wecom: %v; corp_id is in 我的企业 → 企业信息, agent_id and secret are in 应用管理 → the app", err)
	}
	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		d.say(bad, "config", "public_url must be the address that WeCom and phones can reach, such as https://bot.example.gov.cn")
	}
	if d.count[bad] == faults {
		d.say(good, "config", "%s", d.path)
	}
	return true
}

// configMode: secrets in a file that everybody on the machine may read are no secrets.
func (d *doctor) configMode(context.Context) {
	info, err := os.Stat(d.path)
	text, err2 := os.ReadFile(d.path)
	if err := errors.Join(err, err2); err != nil {
		d.say(bad, "config file", "%v", err)
		return
	}
	holds := slices.ContainsFunc(d.secrets(), func(s string) bool { return bytes.Contains(text, []byte(s)) })
	switch mode := info.Mode().Perm(); {
	case mode&0o002 != 0:
		d.say(bad, "config file", "everybody may change it; run: chmod o-rwx %s", d.path)
	case mode&0o004 != 0 && holds:
		d.say(bad, "config file", "it holds secrets and everybody may read it; run: chmod o-rwx %s, or move the secrets to the environment", d.path)
	default:
		d.say(good, "config file", "mode %04o, %s", mode, map[bool]string{true: "holds secrets", false: "secrets come from the environment"}[holds])
	}
}

// folder: photos and the embedded database lie here.
func (d *doctor) folder(context.Context) {
	dir := d.c.DataDir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if above := filepath.Dir(filepath.Clean(dir)); !writable(above) {
			d.say(bad, "data folder", "%s does not exist and this user may not make it; run: install -d -m 700 -o USER %s", dir, dir)
			return
		}
		d.say(good, "data folder", "%s does not exist; serve makes it", dir)
		return
	case err != nil:
		d.say(bad, "data folder", "%s: %v; let the service's user reach it", dir, errors.Unwrap(err))
		return
	case !info.IsDir():
		d.say(bad, "data folder", "%s is no folder; name one under data_dir", dir)
		return
	}
	if !writable(dir) {
		d.say(bad, "data folder", "this user may not write to %s; run doctor as the service's user, or chown the folder to it", dir)
		return
	}
	free, known := freeSpace(dir)
	room := fmt.Sprintf(", %.1f GB free", float64(free)/1e9)
	if !known {
		room = ""
	}
	switch {
	case known && free < spaceNone:
		d.say(bad, "data folder", "%s has only %d MB left: messages can soon not be kept; make room on the disk", dir, free>>20)
	case info.Mode().Perm()&0o007 != 0:
		d.say(bad, "data folder", "everybody on this machine may look into %s; run: chmod 700 %s", dir, dir)
	case known && free < spaceLow:
		d.say(odd, "data folder", "%s%s: a photo takes about 0.3 MB; plan for more room", dir, room)
	case foreign(info):
		d.say(odd, "data folder", "%s belongs to another user than the one running doctor; run it as the service's user, so that it "+
			"sees what the service sees", dir)
	default:
		d.say(good, "data folder", "%s%s", dir, room)
	}
}

// key: who has the key file and the database has everything, so they should not lie together, and who loses the key file has
// lost what is sealed.
func (d *doctor) key(context.Context) { d.say(checkKey(d.c)) }

// checkKey looks at the key file from outside; it does not open it.
func checkKey(c Config) (m mark, subject, text string) {
	subject = "key file"
	path := c.keyFile()
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return good, subject, path + " does not exist; the first migrate or serve makes it: copy it to a safe place then, apart from the backups"
	case err != nil:
		return bad, subject, fmt.Sprintf("%s: %v; let the service's user reach it", path, errors.Unwrap(err))
	case !info.Mode().IsRegular():
		return bad, subject, path + " is no file; name one under privacy.key_file"
	case info.Mode().Perm()&0o077 != 0:
		return bad, subject, fmt.Sprintf("others than its owner may use %s; run: chmod 600 %s", path, path)
	case c.Database.Driver == store.SQLite && sameFolder(path, c.dsn()):
		return odd, subject, path + " lies beside the database, so who copies the folder has both; name another place under privacy.key_file"
	}
	return good, subject, path + "; keep a copy in a safe place, apart from the backups"
}

func sameFolder(a, b string) bool {
	a, err1 := filepath.Abs(filepath.Dir(a))
	b, err2 := filepath.Abs(filepath.Dir(b))
	return err1 == nil && err2 == nil && a == b
}

// rules were read with the file; what they say is shown.
func (d *doctor) rules(context.Context) {
	for _, p := range d.c.packs {
		name := p.Name
		if p.Since != "" {
			name += " from " + string(p.Since)
		}
		d.say(good, "policy", "%s, %s", name, countedDuties(p))
	}
	if n := len(d.c.Words); n > 0 {
		d.say(good, "words", "the program's and those of %d files: %s", n, strings.Join(d.c.Words, ", "))
	}
	d.say(good, "time zone", "%s, where it is %s", d.c.Timezone, d.now().In(d.c.zone).Format("2006-01-02 15:04"))
}

// database: reachable, new enough, durable, and brought up to date.
func (d *doctor) database(ctx context.Context) {
	const subject = "database"
	if d.c.Database.Driver == store.SQLite {
		info, err := os.Stat(d.c.dsn())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.say(bad, subject, "there is none yet at %s; run xunfang migrate --config %s (serve does so at its start, too)", d.c.dsn(), d.path)
			return
		case err != nil:
			d.say(bad, subject, "%s: %v; let the service's user reach it", d.c.dsn(), errors.Unwrap(err))
			return
		case !writable(d.c.dsn()):
			d.say(bad, subject, "this user may not write to %s; run doctor as the service's user, or chown the file to it", d.c.dsn())
			return
		case info.Mode().Perm()&0o007 != 0 && filepath.Clean(filepath.Dir(d.c.dsn())) != filepath.Clean(d.c.DataDir):
			d.say(odd, subject, "everybody on this machine may read %s; run: chmod 600 %s", d.c.dsn(), d.c.dsn())
		}
	}
	db, err := openToRead(d.c)
	if err != nil {
		d.say(bad, subject, "%v", err)
		return
	}
	defer db.Close()
	server, err := d.server(ctx, db)
	if err != nil {
		d.say(bad, subject, "%s", mendDatabase(err))
		return
	}
	var at int64
	err = db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&at)
	if noTable(err) {
		d.say(bad, subject, "%s holds no tables yet; run xunfang migrate --config %s (serve does so at its start, too)", server, d.path)
		return
	}
	upToDate, guarded := false, error(nil)
	if err == nil {
		upToDate, guarded, err = d.migrated(ctx)
	}
	var lost *store.KeyError
	switch {
	case errors.As(err, &lost):
		d.say(bad, "key file", "%v", d.c.explain(lost))
	case errors.Is(err, seal.ErrDamaged):
		d.say(bad, "key file", "%v; put back the copy of %s", err, d.c.keyFile())
	case errors.Is(err, store.ErrNewer):
		d.say(bad, subject, "%s: %v", server, store.ErrNewer)
	case err != nil:
		d.say(bad, subject, "%s: %s", server, mendDatabase(err))
	case !upToDate:
		d.say(bad, subject, "%s is at schema %d, older than this program; make a backup, then run xunfang migrate --config %s", server, at, d.path)
	default:
		d.say(good, subject, "%s at schema %d", server, at)
		if guarded != nil {
			d.say(odd, subject, "%v", guarded)
		}
	}
}

// openToRead connects without being able to make a file, and without the store, which sets up what it needs.
func openToRead(c Config) (*sql.DB, error) {
	if c.Database.Driver == store.SQLite {
		path, err := filepath.Abs(c.dsn())
		if err != nil {
			return nil, err
		}
		// rw makes no file but may tidy up: mode=ro would leave SQLite's two side files behind.
		const query = "mode=rw&_pragma=query_only(1)&_pragma=busy_timeout(3000)"
		file := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: query}
		return sql.Open("sqlite", file.String())
	}
	m, err := sqldriver.ParseDSN(c.Database.DSN)
	if err != nil { // it may repeat the password
		return nil, errors.New("database.dsn must be like user:password@tcp(127.0.0.1:3306)/xunfang")
	}
	m.Timeout, m.ReadTimeout, m.WriteTimeout = doctorPatience, doctorPatience, doctorPatience
	m.Logger = log.New(io.Discard, "", 0)
	connector, err := sqldriver.NewConnector(m)
	if err != nil {
		return nil, errors.New("database.dsn must be like user:password@tcp(127.0.0.1:3306)/xunfang")
	}
	return sql.OpenDB(connector), nil
}

// server names the database server; what is odd about it is a line of its own.
func (d *doctor) server(ctx context.Context, db *sql.DB) (string, error) {
	var version string
	if d.c.Database.Driver == store.SQLite {
		err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
		return "SQLite " + version, err
	}
	var charset string
	var flush, binlog, syncBinlog int
	err := db.QueryRowContext(ctx, `SELECT VERSION(), @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog,
		(SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = DATABASE())`).
		Scan(&version, &flush, &binlog, &syncBinlog, &charset)
	if err != nil {
		return "", err
	}
	name, least := "MySQL", []int{8, 0}
	if strings.Contains(version, "MariaDB") {
		name, least = "MariaDB", []int{10, 6}
	}
	number, _, _ := strings.Cut(version, "-")
	have := make([]int, 2)
	_, _ = fmt.Sscanf(number, "%d.%d", &have[0], &have[1]) // 0.0 is too old as well
	if slices.Compare(have, least) < 0 {
		return "", fmt.Errorf("%s %s is too old; %d.%d or newer is needed", name, number, least[0], least[1])
	}
	if flush != 1 {
		d.say(odd, "database durability", "innodb_flush_log_at_trx_commit is %d: a power cut loses up to a second of answered messages; set it to 1", flush)
	}
	if binlog == 1 && syncBinlog != 1 {
		d.say(odd, "database durability", "sync_binlog is %d: after a power cut a replica may miss what was answered; set it to 1", syncBinlog)
	}
	if charset != "utf8mb4" {
		d.say(odd, "database charset", "the database's default is %s; our tables name their own, but run: ALTER DATABASE … CHARACTER SET utf8mb4", charset)
	}
	return name + " " + number, nil
}

// migrated asks the store, which knows what it needs. It is asked only where a store has been before: opening one makes files.
// A key file that is missing is not made: a key that is thrown away will do for looking.
func (d *doctor) migrated(ctx context.Context) (done bool, unguarded, err error) {
	keys := func(first bool) (*seal.Ring, error) {
		ring, err := seal.Load(d.c.keyFile())
		if first && errors.Is(err, seal.ErrMissing) {
			return seal.New(d.now()), nil
		}
		return ring, err
	}
	s, err := store.Open(ctx, store.Options{Driver: d.c.Database.Driver, DSN: d.c.dsn(), Keys: keys, Now: d.now})
	if err != nil {
		return false, nil, err
	}
	defer s.Close()
	done, err = s.Migrated(ctx)
	if !done || err != nil {
		return done, nil, err
	}
	return true, s.Guarded(ctx), nil
}

func noTable(err error) bool {
	var m *sqldriver.MySQLError
	return errors.As(err, &m) && m.Number == 1146 || err != nil && strings.Contains(err.Error(), "no such table")
}

// mendDatabase words an error of the database.
func mendDatabase(err error) string {
	var m *sqldriver.MySQLError
	if errors.As(err, &m) {
		switch m.Number {
		case 1044, 1142:
			return "the user of database.dsn has no right to this database; GRANT ALL ON the database TO the user"
		case 1045, 1698:
			return "user or password in database.dsn is wrong; try them with the mysql client"
		case 1049:
			return "the database that database.dsn names does not exist; run: CREATE DATABASE xunfang CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
		}
		return fmt.Sprintf("the server refuses with error %d", m.Number)
	}
	if text, ok := unreachable(err); ok {
		return text + "; is the database running, and is its address in database.dsn right?"
	}
	return err.Error()
}

// unreachable words an error of the way to another machine; false if that is not what is wrong.
func unreachable(err error) (string, bool) {
	var dns *net.DNSError
	var op *net.OpError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return "the name " + dns.Name + " is not found", true
	case errors.As(err, &verify):
		return "its certificate is refused: " + verify.Err.Error(), true
	case errors.Is(err, syscall.ECONNREFUSED):
		errors.As(err, &op)
		return fmt.Sprintf("nothing listens at %v", op.Addr), true
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("no answer within %v", doctorPatience), true
	case errors.As(err, &op):
		return op.Error(), true
	}
	return "", false
}

func (d *doctor) redis(ctx context.Context) {
	const subject = "redis"
	if d.c.Redis.URL == "" {
		d.say(skipped, subject, "not configured (one process)")
		return
	}
	o, err := redis.ParseURL(d.c.Redis.URL)
	if err != nil { // it may quote the password
		d.say(bad, subject, "redis.url must be like redis://:password@127.0.0.1:6379/0")
		return
	}
	o.MaxRetries, o.PoolSize = -1, 1
	client := redis.NewClient(o)
	defer client.Close()
	info, err := client.Info(ctx, "server").Result()
	switch text, away := unreachable(err); {
	case away:
		d.say(bad, subject, "%s; is Redis running, and is its address in redis.url right? (the bot works without it, more slowly)", text)
	case err != nil && (strings.Contains(err.Error(), "NOAUTH") || strings.Contains(err.Error(), "WRONGPASS")):
		d.say(bad, subject, "the password in redis.url is wrong; requirepass in redis.conf has the right one")
	case err != nil:
		d.say(bad, subject, "%v", err)
	case d.c.Database.Driver == store.SQLite:
		d.say(odd, subject, "it answers, but SQLite serves one process, which needs no Redis; leave redis.url empty")
	default:
		_, version, _ := strings.Cut(info, "redis_version:")
		version, _, _ = strings.Cut(version, "\r")
		d.say(good, subject, "%s answers", version)
	}
}

// knock tells the way to WeCom, the token and the clock apart.
func (d *doctor) knock(ctx context.Context) {
	if d.wecom == nil {
		d.say(skipped, "wecom", "not checked: mend the configuration first")
		return
	}
	began := d.now()
	k, err := d.wecom.Knock(ctx)
	host := d.c.WeCom.APIBase
	if u, err := url.Parse(host); err == nil {
		host = u.Host
	}
	api, refused := apiError(err)
	if err != nil && !refused {
		d.say(bad, "wecom", "%s: %v; %s", host, err, mendWay(err))
		return
	}
	d.say(good, "wecom", "%s answers", host)
	if refused {
		d.say(bad, "wecom token", "%s", mendAPI(api, k.From))
	} else {
		d.say(good, "wecom token", "the secret is accepted from this address")
		d.token = true
	}
	if k.Date.IsZero() {
		d.say(skipped, "clock", "the answer carries no date to compare with")
		return
	}
	middle := began.Add(d.now().Sub(began) / 2)
	if off := middle.Sub(k.Date).Truncate(time.Second); off.Abs() > clockSlack {
		ahead := map[bool]string{true: "ahead of", false: "behind"}[off > 0]
		d.say(bad, "clock", "this machine is %v %s WeCom's, so reminders come at wrong times; run: timedatectl set-ntp true, and let "+
			"UDP port 123 out", off.Abs(), ahead)
		return
	}
	d.say(good, "clock", "within %v of WeCom's", clockSlack)
}

func apiError(err error) (*wecom.APIError, bool) {
	var a *wecom.APIError
	return a, errors.As(err, &a)
}

func mendWay(err error) string {
	var status *wecom.StatusError
	text := err.Error()
	switch {
	case errors.As(err, &status), strings.Contains(text, "not WeCom's JSON"):
		return "something else answers in WeCom's place: look at wecom.api_base and at the proxy in HTTPS_PROXY"
	case strings.Contains(text, "certificate"), strings.Contains(text, "TLS"):
		return "a firewall may be opening TLS, or this machine's clock or root certificates (package ca-certificates) are wrong"
	case strings.Contains(text, "not found"):
		return "set a name server in /etc/resolv.conf that knows it"
	}
	return "let this machine out to it on port 443, or name a proxy in HTTPS_PROXY"
}

// mends say what a person does about a code (wecom/90313), by the console's own labels.
var mends = map[int]string{
	40001:  "copy Secret again from 应用管理 → the app; repeating a wrong one bars this address for an hour (wecom/90312)",
	40013:  "copy 企业ID again from 我的企业 → 企业信息 to wecom.corp_id",
	40091:  "the secret is another corp's: copy Secret again from 应用管理 → the app",
	40056:  "copy AgentId again from 应用管理 → the app to wecom.agent_id",
	301002: "copy AgentId and Secret from the same app in 应用管理",
	45009:  "wait an hour: called too often, or a wrong secret was repeated; then run doctor once",
	48006:  "the app was unused for long: enable it again in 应用管理 → the app",
	50003:  "enable the app in 应用管理 → the app",
	60020:  "add this machine's address in 应用管理 → the app → 企业可信IP; it holds a minute after saving",
}

func mendAPI(a *wecom.APIError, from string) string {
	if from != "" {
		from = " (WeCom sees this machine as " + from + ")"
	}
	mend, ok := mends[a.Code]
	if !ok {
		mend = "look it up at https://open.work.weixin.qq.com/devtool/query?e=" + strconv.Itoa(a.Code)
	}
	return fmt.Sprintf("%v%s; %s", a, from, mend)
}

// asked is what follows a call that needs the token: false after a line that says why not.
func (d *doctor) asked(subject string, err error) bool {
	if a, ok := apiError(err); ok {
		d.say(bad, subject, "%s", mendAPI(a, ""))
	} else if err != nil {
		d.say(bad, subject, "%v; %s", err, mendWay(err))
	}
	return err == nil
}

func (d *doctor) needsToken(subject string) bool {
	if !d.token {
		d.say(skipped, subject, "not checked: WeCom gives no token")
	}
	return d.token
}

func (d *doctor) agent(ctx context.Context) {
	const subject = "wecom agent"
	if !d.needsToken(subject) {
		return
	}
	a, err := d.wecom.Agent(ctx)
	if !d.asked(subject, err) {
		return
	}
	switch {
	case a.Closed:
		d.say(bad, subject, "the app %s is disabled; enable it in 应用管理 → the app", a.Name)
	case len(a.Users)+len(a.Parties)+len(a.Tags) == 0:
		d.say(bad, subject, "nobody can see the app %s; choose departments or members in 应用管理 → the app → 可见范围", a.Name)
	default:
		d.say(good, subject, "%s, visible to %d members, %d departments, %d tags named", a.Name, len(a.Users), len(a.Parties), len(a.Tags))
	}
}

// members: whoever stands in the ledger must be seen by the app, or will never get a message. WeCom is asked about each, since
// the visible range may be given by departments and tags.
func (d *doctor) members(ctx context.Context) {
	const subject = "members"
	if !d.needsToken(subject) {
		return
	}
	ids, err := d.userids(ctx)
	if err != nil {
		d.say(skipped, subject, "not checked: the ledger cannot be read")
		return
	}
	if len(ids) == 0 {
		d.say(skipped, subject, "the ledger is empty; run xunfang import --config %s LEDGER.xlsx", d.path)
		return
	}
	type answer struct {
		id     string
		status int
		err    error
	}
	answers := make([]answer, len(ids))
	var g sync.WaitGroup
	for w := range 8 {
		g.Go(func() {
			for i := w; i < len(ids) && ctx.Err() == nil; i += 8 {
				m, err := d.wecom.User(ctx, ids[i])
				answers[i] = answer{ids[i], m.Status, err}
			}
		})
	}
	g.Wait()
	var unknown, outside, inactive []string
	seen := 0
	for _, x := range answers {
		a, refused := apiError(x.err)
		switch {
		case x.id == "" || x.err != nil && !refused: // not asked, or no answer in time
			continue
		case refused && (a.Code == 60111 || a.Code == 40003):
			unknown = append(unknown, x.id)
		case refused && (a.Code == 60011 || a.Code == 60021 || a.Code == 50002):
			outside = append(outside, x.id)
		case refused:
			d.asked(subject, x.err)
			return
		case x.status != 1:
			inactive = append(inactive, x.id)
		}
		seen++
	}
	for _, fault := range []struct {
		ids  []string
		what string
	}{
		{unknown, "are no userids of this corp; compare 账号 in the workbook with 通讯录 → the member → 账号"},
		{outside, "are outside the app's visible range and will get no message; add them in 应用管理 → the app → 可见范围"},
	} {
		if len(fault.ids) > 0 {
			d.say(bad, subject, "%d of %d %s: %s", len(fault.ids), len(ids), fault.what, some(fault.ids))
		}
	}
	if len(inactive) > 0 {
		d.say(odd, subject, "%d of %d have not activated WeCom or are disabled; invite them in 通讯录: %s", len(inactive), len(ids), some(inactive))
	}
	switch {
	case seen < len(ids):
		d.say(odd, subject, "WeCom was asked about %d of %d only, for want of time; run doctor again when it is quieter", seen, len(ids))
	case len(unknown)+len(outside)+len(inactive) == 0:
		d.say(good, subject, "all %d of the ledger are in the visible range", len(ids))
	}
}

// some are the first five.
func some(ids []string) string {
	if len(ids) > 5 {
		return strings.Join(ids[:5], ", ") + ", …"
	}
	return strings.Join(ids, ", ")
}

func (d *doctor) userids(ctx context.Context) ([]string, error) {
	if d.c.Database.Driver == store.SQLite {
		if _, err := os.Stat(d.c.dsn()); err != nil {
			return nil, err
		}
	}
	db, err := openToRead(d.c)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT user_id FROM people ORDER BY user_id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (d *doctor) menu(ctx context.Context) {
	const subject = "menu"
	if !d.needsToken(subject) {
		return
	}
	const menuNotSet = 46003
	push := "run: xunfang menu push --config " + d.path
	have, err := d.wecom.GetMenu(ctx)
	if a, refused := apiError(err); refused && a.Code == menuNotSet {
		d.say(bad, subject, "none is published; %s", push)
		return
	}
	if !d.asked(subject, err) {
		return
	}
	if !reflect.DeepEqual(plainMenu(have), plainMenu(menuButtons())) {
		d.say(bad, subject, "the one published is not this version's; %s", push)
		return
	}
	d.say(good, subject, "published, with %d entries at the top", len(have))
}

// plainMenu is a menu without what says nothing: WeCom may answer with empty lists and a type on entries that only hold others.
func plainMenu(menu []wecom.MenuButton) []wecom.MenuButton {
	var out []wecom.MenuButton
	for _, b := range menu {
		if b.Sub = plainMenu(b.Sub); len(b.Sub) > 0 {
			b.Type = ""
		}
		out = append(out, b)
	}
	return out
}

// addresses are what a firewall must let pass; they change (wecom/92520, wecom/92521).
func (d *doctor) addresses(ctx context.Context) {
	const subject = "firewall"
	if !d.needsToken(subject) {
		return
	}
	in, err := d.wecom.CallbackIPs(ctx)
	if !d.asked(subject, err) {
		return
	}
	out, err := d.wecom.APIAddresses(ctx)
	if !d.asked(subject, err) {
		return
	}
	d.say(good, subject, "if yours is closed: in come callbacks from %s; out go calls to %s; ask again every day, they change",
		strings.Join(in, " "), strings.Join(out, " "))
}

// process: the bot itself, past proxy and name.
func (d *doctor) process(ctx context.Context) {
	const subject = "bot"
	at := local(d.c.Listen)
	reply := get(ctx, "http://"+at+"/readyz")
	var state struct {
		Ready    *bool    `json:"ready"`
		Degraded []string `json:"degraded"`
	}
	_ = json.Unmarshal(reply.body, &state) // what is no JSON has no "ready"
	text, away := unreachable(reply.err)
	switch {
	case away:
		d.say(bad, subject, "%s; start it: systemctl start xunfang (or xunfang serve --config %s)", text, d.path)
	case reply.err != nil || state.Ready == nil:
		d.say(bad, subject, "another program answers at %s; stop it or choose another address under listen", at)
	case !*state.Ready:
		d.say(bad, subject, "it runs at %s but cannot keep messages: see the lines on the database and the data folder", at)
	case len(state.Degraded) > 0:
		d.say(odd, subject, "it runs at %s, degraded: %s; see their lines and journalctl -u xunfang", at, strings.Join(state.Degraded, ", "))
	default:
		d.say(good, subject, "it runs at %s and can keep messages", at)
	}
}

// local is an address to reach on this machine what listens as told.
func local(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// reply is what came of a GET.
type reply struct {
	status  int
	body    []byte
	to      string // where a redirect leads
	expires time.Time
	took    time.Duration
	err     error
}

func get(ctx context.Context, address string) reply {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return reply{err: err}
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	r := reply{status: resp.StatusCode, body: body, took: time.Since(began), err: err}
	if to, err := resp.Location(); err == nil {
		r.to = to.Host + to.Path
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		r.expires = resp.TLS.PeerCertificates[0].NotAfter
	}
	return r
}

// callback does what WeCom's console does when the administrator presses 保存 (wecom/90930). The right answer proves name,
// TLS, proxy, bot, token and key at once.
func (d *doctor) callback(ctx context.Context) {
	const subject = "callback"
	u, err := url.Parse(d.c.PublicURL)
	if d.door == nil || err != nil || u.Host == "" {
		d.say(skipped, subject, "not checked: mend the configuration first")
		return
	}
	query, want, err := d.door.Challenge(d.now())
	if err != nil {
		d.say(bad, subject, "%v", err)
		return
	}
	at := strings.TrimSuffix(d.c.PublicURL, "/") + d.c.WeCom.Callback.Path
	r := get(ctx, at+"?"+query.Encode())
	text, away := unreachable(r.err)
	switch {
	case away:
		d.say(bad, subject, "%s: %s; start the bot and the proxy, open the port, and look at the name's DNS entry. Where this machine "+
			"cannot reach its own public address, run doctor on another", at, text)
	case r.err != nil:
		d.say(bad, subject, "%s: no proper HTTP answer; look at the proxy", at)
	case r.to != "":
		d.say(bad, subject, "%s: sends callers on to %s, and WeCom is not known to follow; name the final address under public_url", at, r.to)
	case r.status == http.StatusNotFound:
		d.say(bad, subject, "%s: 404, so the proxy answers but does not pass this path on; let it pass %s to %s", at, d.c.WeCom.Callback.Path, d.c.Listen)
	case r.status == http.StatusUnauthorized:
		d.say(bad, subject, "%s: 401, so the bot that answers has another Token or corp_id than this file; restart it, and compare Token "+
			"with 接收消息 → 设置API接收", at)
	case r.status == http.StatusBadRequest:
		d.say(bad, subject, "%s: 400, so the bot that answers has another EncodingAESKey than this file, or the proxy cuts the query; "+
			"restart the bot, and compare the key with 接收消息 → 设置API接收", at)
	case r.status >= 502 && r.status <= 504:
		d.say(bad, subject, "%s: %d, so the proxy answers but the bot behind it does not; start it, and let the proxy pass to %s", at, r.status, d.c.Listen)
	case r.status != http.StatusOK || !bytes.Equal(r.body, want):
		d.say(bad, subject, "%s: something other than the bot answers (status %d); look at the proxy and at what stands before it", at, r.status)
	case r.took > echoPatience:
		d.say(odd, subject, "%s: right, but after %v; WeCom waits %v when 保存 is pressed", at, r.took.Round(100*time.Millisecond), echoPatience)
	default:
		d.say(good, subject, "%s answers as WeCom wants (seen from this machine; 保存 in the console proves it from outside)", at)
	}
	d.certificate(u, r)
}

// certificate of public_url, as the callback's answer showed it.
func (d *doctor) certificate(u *url.URL, r reply) {
	const subject = "certificate"
	left := r.expires.Sub(d.now())
	switch {
	case u.Scheme != "https":
		d.say(odd, subject, "public_url is plain http; WeCom takes it, but put a TLS proxy in front and use https")
	case r.expires.IsZero():
		d.say(skipped, subject, "not checked: the callback address gives none that holds")
	case left < certificateMin:
		d.say(bad, subject, "it ends on %s; renew it, and see why it did not renew itself", r.expires.In(d.c.zone).Format(time.DateOnly))
	default:
		d.say(good, subject, "valid until %s", r.expires.In(d.c.zone).Format(time.DateOnly))
	}
}

// maintainer must be a member whom the app may write to; they need not be on the ledger.
func (d *doctor) maintainer(ctx context.Context) {
	const subject = "maintainer"
	who := d.c.Watch.Maintainer
	if who == "" {
		d.say(odd, subject, "nobody is told when WeCom took no messages; name somebody's userid under watch.maintainer")
		return
	}
	if !d.needsToken(subject) {
		return
	}
	m, err := d.wecom.User(ctx, who)
	a, refused := apiError(err)
	switch {
	case refused && (a.Code == 60111 || a.Code == 40003):
		d.say(bad, subject, "%s is no userid of this corp; compare it with 通讯录 → the member → 账号", who)
	case refused && (a.Code == 60011 || a.Code == 60021 || a.Code == 50002):
		d.say(bad, subject, "%s is outside the app's visible range and will hear nothing; add them in 应用管理 → the app → 可见范围", who)
	case !d.asked(subject, err):
	case m.Status != 1:
		d.say(odd, subject, "%s has not activated WeCom or is disabled; invite them in 通讯录", who)
	default:
		d.say(good, subject, "%s can be told", who)
	}
}

// heartbeat: its address is not fetched, for that would say that the bot is well. Its host is knocked at.
func (d *doctor) heartbeat(ctx context.Context) {
	const subject = "heartbeat"
	h := d.c.Watch.Heartbeat
	if h.URL == "" && h.File == "" {
		d.say(odd, subject, "nobody notices when the bot or this machine stops; name an address or a file under watch.heartbeat")
		return
	}
	if u, err := url.Parse(h.URL); h.URL != "" && err == nil {
		text, away := unreachable(get(ctx, u.Scheme+"://"+u.Host+"/").err)
		if away {
			d.say(bad, subject, "%s: %s; let this machine out to it, or name a proxy in HTTPS_PROXY", u.Host, text)
		} else {
			d.say(good, subject, "%s answers", u.Host)
		}
	}
	if h.File == "" {
		return
	}
	info, err := os.Stat(h.File)
	switch {
	case errors.Is(err, fs.ErrNotExist) && writable(filepath.Dir(h.File)), err == nil && info.Mode().IsRegular() && writable(h.File):
		d.say(good, subject, "%s can be written", h.File)
	default:
		d.say(bad, subject, "this user may not write %s; run doctor as the service's user, or let it write there", h.File)
	}
}

// robot speaks only when asked to: people would take its word for an emergency.
func (d *doctor) robot(ctx context.Context) {
	const subject = "group robot"
	r, err := d.c.robot(d.now) // the address was looked at with the file
	if r == nil || err != nil {
		d.say(odd, subject, "none: when WeCom takes no messages from the app, nobody hears of an emergency; name one under watch.robot")
		return
	}
	defer r.Close()
	if !d.ring {
		d.say(good, subject, "named, not tried; run doctor with --robot to let it say one text")
		return
	}
	if err := r.Say(ctx, "【巡访】这是一次测试:企业微信发不出紧急情况时,会在这里说。"); err != nil {
		d.say(bad, subject, "%v; copy its address again from the group → 群机器人", err)
		return
	}
	d.say(good, subject, "it has said a text to its group")
}
