package main

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sqldriver "github.com/go-sql-driver/mysql"

	"xunfang/bot/sim"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store/storetest"
)

// The doctor's tests run the built program against the simulator, a running bot behind a TLS proxy, and real databases. Each
// breakage must be named together with its mending, alone, with status 1, without a secret, and without a trace.

const (
	docCorp   = "wwdoctor00000000"
	docAgent  = 1000002
	docSecret = "CORPSECRETthatMustNotShow"
	docToken  = "CALLBACKTOKENmustNotShow"
	docKey    = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	docPass   = "DSNPASSWORDmustNotShow"
	docRedis  = "REDISPASSWORDmustNotShow"
	docRobot  = "ROBOTKEYmustNotShow"
	docHeart  = "HEARTBEATmustNotShow"
	docSMS    = "SMSSECRETmustNotShow"
	docOffice = "OFFICIALSECRETmustNotShow"
)

// patient is a healthy county.
type patient struct {
	t      *testing.T
	bin    string
	dir    string
	listen string // of the bot
	sim    *sim.Sim
	api    string            // the simulator itself
	front  *front            // the simulator as the doctor reaches it
	roots  string            // file of the certificate that the public address shows
	public string            // https://…
	keys   map[string]string // of the configuration, by the name in settings
	driver string
	book   ledger.Book
	admin  *sql.DB // for looking at the tables
}

// front is a door to WeCom that notes who asked what. Its clock may be wrong.
type front struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string // method and path
	seen  []string // access tokens
	off   time.Duration
}

func newFront(t *testing.T, to string, off time.Duration) *front {
	f := &front{off: off}
	proxy := proxyTo(t, to)
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		return nil
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.calls = append(f.calls, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/cgi-bin/"))
		f.seen = append(f.seen, r.URL.Query().Get("access_token"))
		f.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func proxyTo(t *testing.T, to string) *httputil.ReverseProxy {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	return proxy
}

// shield is a TLS proxy whose certificate ends when told; pemFile is for SSL_CERT_FILE.
func shield(t *testing.T, h http.Handler, ends time.Time) (address, pemFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "invented"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: ends, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pemFile = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(pemFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return srv.URL, pemFile
}

// admit builds the county: ledger imported, menu pushed, bot running.
func admit(t *testing.T, bin, driver string) *patient {
	p := &patient{t: t, bin: bin, dir: t.TempDir(), listen: port(t), driver: driver, book: papers.Sample("2026-03-11")}
	members := make([]sim.Member, 0, len(p.book.People))
	for _, m := range p.book.People {
		members = append(members, sim.Member{UserID: m.UserID, Name: m.Name})
	}
	var err error
	p.sim, err = sim.New(sim.Options{CorpID: docCorp, AgentID: docAgent, Secret: docSecret, Token: docToken, EncodingAESKey: docKey,
		CallbackURL: "http://" + p.listen + "/wecom/callback", Members: members, OtherAgents: []int{1000003}})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(p.sim)
	t.Cleanup(func() { api.Close(); p.sim.Close() })
	p.api = api.URL
	p.front = newFront(t, p.api, 0)
	p.public, p.roots = shield(t, proxyTo(t, "http://"+p.listen), time.Now().Add(90*24*time.Hour))

	data := filepath.Join(p.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	p.keys = map[string]string{"listen": p.listen, "public": p.public, "data": data, "api": p.front.URL, "corp": docCorp, "agent": fmt.Sprint(docAgent),
		"secret": docSecret, "token": docToken, "key": docKey, "driver": "sqlite", "dsn": "", "redis": "",
		"keyfile": filepath.Join(p.dir, "keys", "xunfang.key")}
	if err := os.Mkdir(filepath.Dir(p.keys["keyfile"]), 0o700); err != nil {
		t.Fatal(err)
	}
	if driver == storetest.MariaDB {
		p.keys["driver"], p.keys["dsn"], p.keys["redis"] = "mysql", withPassword(t, storetest.DSN(t, driver).DSN), redisURL(t)
	}
	serving := maps.Clone(p.keys)
	serving["api"] = p.api // the doctor's own calls are counted apart from the bot's
	config := p.write(serving)
	p.furnish(config)
	if driver == storetest.SQLite {
		p.admin, err = sql.Open("sqlite", "file:"+filepath.Join(data, "xunfang.db")+"?mode=ro")
	} else {
		p.admin, err = sql.Open("mysql", p.keys["dsn"])
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.admin.Close() })

	bot := exec.Command(bin, "serve", "--config", config)
	bot.Stderr = new(bytes.Buffer)
	if err := bot.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Process.Signal(syscall.SIGTERM)
		if err := bot.Wait(); err != nil {
			t.Errorf("the bot ended with %v: %s", err, bot.Stderr)
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get("http://" + p.listen + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return p
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the bot does not start: %s", bot.Stderr)
		}
	}
}

// withPassword makes a database user of its own, so that there is a password that could be printed.
func withPassword(t *testing.T, dsn string) string {
	t.Helper()
	c, err := sqldriver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	user := "doc_" + strings.ToLower(rand.Text()[:10])
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP USER '" + user + "'@'%', '" + user + "'@'localhost'"); err != nil {
			t.Error(err)
		}
		db.Close()
	})
	for _, host := range []string{"%", "localhost"} { // an anonymous user of localhost would come before %
		for _, q := range []string{
			fmt.Sprintf("CREATE USER '%s'@'%s' IDENTIFIED BY '%s'", user, host, docPass),
			fmt.Sprintf("GRANT ALL ON %s.* TO '%s'@'%s'", c.DBName, user, host),
		} {
			if _, err := db.Exec(q); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.User, c.Passwd = user, docPass
	return c.FormatDSN()
}

// furnish migrates the database and reads the ledger in.
func (p *patient) furnish(config string) {
	p.t.Helper()
	p.mustRun("migrate", "--config", config)
	book := filepath.Join(p.t.TempDir(), "book.xlsx")
	f, err := os.Create(book)
	if err == nil {
		err = errors.Join(papers.Write(f, p.book, "2026-03-11"), f.Close())
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.mustRun("import", "--config", config, book)
}

// write makes a configuration file.
func (p *patient) write(keys map[string]string) string {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), "config.yaml")
	text := fmt.Sprintf(`listen: %s
public_url: %s
data_dir: %q
wecom:
  api_base: %s
  corp_id: %s
  agent_id: %s
  secret: %s
  callback: {path: /wecom/callback, token: %s, encoding_aes_key: %s}
database: {driver: %s, dsn: %q}
redis: {url: %q}
privacy: {key_file: %q}
calendar: off
watch: {maintainer: %q, heartbeat: {url: %q, file: %q}, robot: %q}
`, keys["listen"], keys["public"], keys["data"], keys["api"], keys["corp"], keys["agent"], keys["secret"], keys["token"], keys["key"],
		keys["driver"], keys["dsn"], keys["redis"], keys["keyfile"], keys["maintainer"], keys["heartbeat"], keys["beatfile"], keys["robot"])
	if keys["kf"] != "" {
		text = strings.Replace(text, "wecom:\n", "wecom:\n  kf: "+keys["kf"]+"\n", 1)
	}
	if keys["family"] != "" {
		text += "family: " + keys["family"] + "\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *patient) mustRun(args ...string) {
	p.t.Helper()
	if out, err := exec.Command(p.bin, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// examine runs the doctor; its lines by subject, those that are BAD apart.
func (p *patient) examine(t *testing.T, config string, more ...string) (status int, out string, faults map[string]string) {
	t.Helper()
	cmd := exec.Command(p.bin, append([]string{"doctor", "--config", config}, more...)...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+p.roots)
	text, err := cmd.CombinedOutput()
	status = cmd.ProcessState.ExitCode()
	if status < 0 {
		t.Fatalf("doctor: %v\n%s", err, text)
	}
	faults = map[string]string{}
	for line := range strings.Lines(string(text)) {
		if rest, isBad := strings.CutPrefix(line, string(bad)+" "); isBad {
			subject, what, _ := strings.Cut(rest, ": ")
			faults[subject] += what
		}
	}
	return status, string(text), faults
}

// trace is everything the doctor might have left: rows, files, and what it asked of WeCom.
func (p *patient) trace(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	// Files first: looking at the tables opens SQLite, and its closing tidies up.
	err := filepath.WalkDir(p.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil {
			fmt.Fprintln(&b, path, e.Type())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tables := "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
	if p.driver == storetest.MariaDB {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name"
	}
	for _, table := range column(t, p.admin, tables) {
		fmt.Fprintln(&b, table, column(t, p.admin, "SELECT COUNT(*) FROM "+table))
	}
	return b.String()
}

func column(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// discreet fails where something was printed, or asked of WeCom, that should not be.
func (p *patient) discreet(t *testing.T, out string) {
	t.Helper()
	p.front.mu.Lock()
	defer p.front.mu.Unlock()
	secrets := append([]string{docSecret, docToken, docKey, docPass, docRedis, docRobot, docHeart, docSMS, docOffice}, p.front.seen...)
	if key, err := os.ReadFile(p.keys["keyfile"]); err == nil {
		secrets = append(secrets, strings.Fields(string(key))[2])
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(out, s) {
			t.Errorf("a secret is printed: %s", strings.ReplaceAll(out, s, "<SECRET>"))
		}
	}
	for _, e := range p.book.Elders {
		for _, s := range []string{e.Name, e.Phone} {
			if s != "" && strings.Contains(out, s) {
				t.Errorf("an elder is named:\n%s", out)
			}
		}
	}
	for _, call := range p.front.calls {
		if !slices.Contains([]string{"GET gettoken", "GET agent/get", "GET user/get", "GET menu/get", "GET getcallbackip", "GET get_api_domain_ip",
			"POST kf/account/list", "POST /official/cgi-bin/stable_token"}, call) {
			t.Errorf("doctor asks WeCom to %s", call)
		}
	}
}

func buildProgram(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "xunfang")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// answers is a server that says one thing.
func answers(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestDoctor(t *testing.T) {
	bin := buildProgram(t)
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			p := admit(t, bin, driver)
			before := p.trace(t)
			defer func() {
				if after := p.trace(t); after != before {
					t.Errorf("the doctor left a trace; before:\n%s\nafter:\n%s", before, after)
				}
			}()

			t.Run("menu missing", func(t *testing.T) {
				for range 2 { // the second time it must be missing still
					status, out, faults := p.examine(t, p.write(p.keys))
					if status != 1 || len(faults) != 1 || !strings.Contains(faults["menu"], "none is published; run: xunfang menu push --config") {
						t.Fatalf("status %d:\n%s", status, out)
					}
					p.discreet(t, out)
				}
			})
			serving := maps.Clone(p.keys)
			serving["api"] = p.api
			p.mustRun("menu", "push", "--config", p.write(serving))
			healthy := func(t *testing.T) {
				status, out, _ := p.examine(t, p.write(p.keys))
				if status != 0 || strings.Contains(out, string(bad)) || !strings.Contains(out, " 0 wrong,") {
					t.Errorf("status %d:\n%s", status, out)
				}
				for _, want := range []string{"ok   database: ", "ok   wecom token: ", "ok   clock: ", "ok   wecom agent: 巡访",
					fmt.Sprintf("ok   members: all %d ", len(p.book.People)), "ok   menu: ",
					"ok   bot: ", "ok   callback: " + p.public + "/wecom/callback", "ok   certificate: valid until"} {
					if !strings.Contains(out, want) {
						t.Errorf("no line %q in:\n%s", want, out)
					}
				}
				p.discreet(t, out)
			}
			t.Run("healthy", healthy)
			p.breakages(t)
			t.Run("healthy again", healthy)
			t.Run("watched", p.isWatched)
		})
	}
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run("schema "+driver, func(t *testing.T) { t.Parallel(); schemas(t, bin, driver) })
	}
	t.Run("members", func(t *testing.T) { t.Parallel(); strangers(t, bin) })
	t.Run("families", func(t *testing.T) { t.Parallel(); waysToFamilies(t, bin) })
}

// isWatched: what watches the bot is looked at, and neither told that the bot is well nor made to speak unless asked.
func (p *patient) isWatched(t *testing.T) {
	var mu sync.Mutex
	var fetched, said []string
	elsewhere := answers(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			said = append(said, string(body))
			io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
			return
		}
		fetched = append(fetched, r.URL.Path)
	})
	alive := filepath.Join(t.TempDir(), "alive")
	keys := maps.Clone(p.keys)
	maps.Copy(keys, map[string]string{"maintainer": "HeJun", "heartbeat": elsewhere + "/" + docHeart, "beatfile": alive,
		"robot": elsewhere + "/cgi-bin/webhook/send?key=" + docRobot})
	config := p.write(keys)
	for _, c := range []struct {
		flags []string
		robot string
		said  int
	}{{nil, "named, not tried", 0}, {[]string{"--robot"}, "it has said a text", 1}} {
		status, out, _ := p.examine(t, config, c.flags...)
		for _, want := range []string{"ok   maintainer: hejun can be told", "ok   heartbeat: 127.0.0.1:", "ok   heartbeat: " + alive, "ok   group robot: " + c.robot} {
			if status != 0 || !strings.Contains(out, want) {
				t.Errorf("status %d, no line %q in:\n%s", status, want, out)
			}
		}
		p.discreet(t, out)
		if len(said) != c.said {
			t.Errorf("%v: the robot said %q", c.flags, said)
		}
	}
	if slices.ContainsFunc(fetched, func(path string) bool { return path != "/" }) {
		t.Errorf("the doctor told the heartbeat: %v", fetched)
	}
	if _, err := os.Stat(alive); !os.IsNotExist(err) {
		t.Errorf("the doctor wrote the heartbeat's file: %v", err)
	}
}

// breakages are tried on a county that is healthy but for one thing.
func (p *patient) breakages(t *testing.T) {
	dead, fresh := port(t), filepath.Join(t.TempDir(), "new")
	elsewhere := "x:" + docPass + "@tcp(" + dead + ")/x"
	stale := newFront(t, p.api, -5*time.Minute)
	soon, soonRoots := shield(t, proxyTo(t, "http://"+p.listen), time.Now().Add(5*24*time.Hour))
	behind := proxyTo(t, "http://"+dead)
	gateway, gatewayRoots := shield(t, behind, time.Now().Add(90*24*time.Hour))
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	loose := filepath.Join(t.TempDir(), "loose.key")
	key, err := os.ReadFile(p.keys["keyfile"])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(loose, key, 0o644); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged.key")
	if err := os.WriteFile(damaged, key[:len(key)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	untrusted := answers(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cgi-bin/gettoken" {
			t.Errorf("without a token the doctor asks for %s", r.URL.Path)
		}
		io.WriteString(w, `{"errcode":60020,"errmsg":"not allow to access from your ip, hint: [1], from ip: 203.0.113.9, more info at x"}`)
	})
	portal := answers(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>please log in</html>") })
	mover := answers(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, p.public+r.URL.RequestURI(), http.StatusMovedPermanently)
	})

	for name, c := range map[string]struct {
		change map[string]string
		roots  string
		mode   os.FileMode
		faults map[string][]string // by subject: what is wrong, and how to mend it
	}{
		"wrong secret": {change: map[string]string{"secret": "WRONG" + docSecret}, faults: map[string][]string{
			"wecom token": {"40001", "copy Secret again from 应用管理"}}},
		"wrong corp": {change: map[string]string{"corp": "wwother000000000"}, faults: map[string][]string{
			"wecom token": {"40013", "我的企业 → 企业信息"}, "callback": {"401", "corp_id"}}},
		"agent of another app": {change: map[string]string{"agent": "1000003"}, faults: map[string][]string{
			"wecom agent": {"301002", "AgentId and Secret from the same app"}, "menu": {"301002", "AgentId"}}},
		"agent that does not exist": {change: map[string]string{"agent": "1000099"}, faults: map[string][]string{
			"wecom agent": {"40056", "copy AgentId again"}, "menu": {"40056", "AgentId"}}},
		"address not trusted": {change: map[string]string{"api": untrusted}, faults: map[string][]string{
			"wecom token": {"60020", "203.0.113.9", "企业可信IP"}}},
		"a login page in WeCom's place": {change: map[string]string{"api": portal}, faults: map[string][]string{
			"wecom": {"not WeCom's JSON", "HTTPS_PROXY"}}},
		"WeCom out of reach": {change: map[string]string{"api": "http://" + dead}, faults: map[string][]string{
			"wecom": {"refused", "port 443"}}},
		"clock off": {change: map[string]string{"api": stale.URL}, faults: map[string][]string{
			"clock": {"ahead of WeCom", "timedatectl set-ntp true"}}},
		"callback token different": {change: map[string]string{"token": "another" + docToken[:20]}, faults: map[string][]string{
			"callback": {"401", "compare Token", "设置API接收"}}},
		"callback key different": {change: map[string]string{"key": strings.Repeat("k", 43)}, faults: map[string][]string{
			"callback": {"400", "EncodingAESKey", "设置API接收"}}},
		"bot not running": {change: map[string]string{"listen": dead, "public": "http://" + dead}, faults: map[string][]string{
			"bot": {"nothing listens at " + dead, "systemctl start xunfang"}, "callback": {"nothing listens at " + dead, "start the bot"}}},
		"proxy without bot": {change: map[string]string{"public": gateway}, roots: gatewayRoots, faults: map[string][]string{
			"callback": {"502", "let the proxy pass to " + p.listen}}},
		"proxy passes another path": {change: map[string]string{"public": p.public + "/elsewhere"}, faults: map[string][]string{
			"callback": {"404", "let it pass /wecom/callback to " + p.listen}}},
		"a portal before the bot": {change: map[string]string{"public": portal}, faults: map[string][]string{
			"callback": {"something other than the bot answers", "look at the proxy"}}},
		"a redirect": {change: map[string]string{"public": mover}, faults: map[string][]string{
			"callback": {"sends callers on", "name the final address under public_url"}}},
		"certificate unknown": {roots: os.DevNull, faults: map[string][]string{
			"callback": {"its certificate is refused", "proxy"}}},
		"certificate ends soon": {change: map[string]string{"public": soon}, roots: soonRoots, faults: map[string][]string{
			"certificate": {"it ends on", "renew it"}}},
		"another program at our address": {change: map[string]string{"listen": strings.TrimPrefix(portal, "http://")}, faults: map[string][]string{
			"bot": {"another program answers", "choose another address under listen"}}},
		"config world-readable": {mode: 0o644, faults: map[string][]string{
			"config file": {"everybody may read it", "chmod o-rwx"}}},
		"config world-writable": {mode: 0o602, faults: map[string][]string{
			"config file": {"everybody may change it", "chmod o-rwx"}}},
		"key file loose": {change: map[string]string{"keyfile": loose}, faults: map[string][]string{
			"key file": {"others than its owner", "chmod 600 " + loose}}},
		"key file lost": {change: map[string]string{"keyfile": loose + ".lost"}, faults: map[string][]string{
			"key file": {"the database is sealed under key", "is not there", "put back the copy of the key file"}}},
		"key file damaged": {change: map[string]string{"keyfile": damaged}, faults: map[string][]string{
			"key file": {"the database is sealed under key", "cannot be used", "put back the copy of the key file"}}},
		"data folder open, database away": {change: map[string]string{"data": open, "driver": "mysql", "dsn": elsewhere}, faults: map[string][]string{
			"data folder": {"everybody on this machine may look", "chmod 700"},
			"database":    {"nothing listens at " + dead, "is the database running"}}},
		"database dsn nonsense": {change: map[string]string{"driver": "mysql", "dsn": docPass}, faults: map[string][]string{
			"database": {"must be like user:password@tcp"}}},
		"no database yet": {change: map[string]string{"driver": "sqlite", "dsn": "", "data": fresh}, faults: map[string][]string{
			"database": {"there is none yet", "xunfang migrate --config"}}},
		"dsn of another driver": {change: map[string]string{"driver": "sqlite", "dsn": elsewhere}, faults: map[string][]string{
			"database": {"there is none yet", "xunfang migrate --config"}}},
		"redis gone": {change: map[string]string{"redis": "redis://:" + docRedis + "@" + dead + "/0"}, faults: map[string][]string{
			"redis": {"nothing listens at " + dead, "is Redis running"}}},
		"redis address nonsense": {change: map[string]string{"redis": docRedis}, faults: map[string][]string{
			"redis": {"must be like redis://"}}},
		"keys of the callback malformed": {change: map[string]string{"token": "has-a-hyphen", "key": "short"}, faults: map[string][]string{
			"config": {"1 to 32 letters and digits", "43 letters and digits", "设置API接收"}}},
		"maintainer unknown": {change: map[string]string{"maintainer": "nosuchmember"}, faults: map[string][]string{
			"maintainer": {"nosuchmember is no userid", "通讯录 → the member"}}},
		"heartbeat out of reach": {change: map[string]string{"heartbeat": "http://" + dead + "/" + docHeart}, faults: map[string][]string{
			"heartbeat": {"nothing listens at " + dead, "let this machine out"}}},
		"heartbeat into nowhere": {change: map[string]string{"beatfile": filepath.Join(dead, "alive")}, faults: map[string][]string{
			"heartbeat": {"may not write", "the service's user"}}},
		"robot's address cut": {change: map[string]string{"robot": "https://qyapi.weixin.qq.com/" + docRobot}, faults: map[string][]string{
			"config": {"config.yaml:14: robot: the robot's address must be like", "cgi-bin/webhook/send?key="}}},
		"heartbeat's address cut": {change: map[string]string{"heartbeat": docHeart}, faults: map[string][]string{
			"config": {"config.yaml:14: heartbeat: url must be an address"}}},
		"several faults of the file": {change: map[string]string{"driver": "oracle", "api": "nonsense"}, faults: map[string][]string{
			"config": {"config.yaml:5: api_base: ", "config.yaml:10: driver: ", "sqlite, mysql"}}},
	} {
		t.Run(name, func(t *testing.T) {
			keys := maps.Clone(p.keys)
			maps.Copy(keys, c.change)
			config := p.write(keys)
			if c.mode != 0 {
				if err := os.Chmod(config, c.mode); err != nil {
					t.Fatal(err)
				}
			}
			q := *p
			q.roots = cmp.Or(c.roots, p.roots)
			status, out, faults := q.examine(t, config)
			p.assert(t, status, out, faults, c.faults)
			if dir := keys["data"]; dir != p.keys["data"] && dir != open {
				if _, err := os.Stat(dir); !os.IsNotExist(err) {
					t.Errorf("the doctor made the data folder: %v", err)
				}
			}
		})
	}
}

// assert: these faults and no others, each with all it should say.
func (p *patient) assert(t *testing.T, status int, out string, got map[string]string, want map[string][]string) {
	t.Helper()
	if status != 1 {
		t.Errorf("status %d", status)
	}
	for subject := range got {
		if want[subject] == nil {
			t.Errorf("%s is BAD, too: %s", subject, got[subject])
		}
	}
	for subject, says := range want {
		for _, s := range says {
			if !strings.Contains(got[subject], s) {
				t.Errorf("%s does not say %q: %q", subject, s, got[subject])
			}
		}
	}
	p.discreet(t, out)
	if t.Failed() {
		t.Log(out)
	}
}

// schemas: a database that was never, or not quite, or too far migrated is named as such and left alone.
func schemas(t *testing.T, bin, driver string) {
	dead := "http://" + port(t)
	p := &patient{t: t, bin: bin, dir: t.TempDir(), driver: driver, front: &front{}}
	o := storetest.DSN(t, driver)
	keys := map[string]string{"listen": port(t), "public": dead, "data": p.dir, "api": dead, "corp": docCorp, "agent": "1", "secret": docSecret,
		"token": docToken, "key": docKey, "driver": o.Driver, "dsn": o.DSN}
	name, dsn := "sqlite", o.DSN
	if driver == storetest.MariaDB {
		name = "mysql"
	} else if p.dir = filepath.Dir(o.DSN); os.WriteFile(o.DSN, nil, 0o600) != nil {
		t.Fatal("cannot make an empty file")
	}
	keys["keyfile"] = filepath.Join(p.dir, "k")
	var err error
	if p.admin, err = sql.Open(name, dsn); err != nil {
		t.Fatal(err)
	}
	defer p.admin.Close()
	p.admin.SetMaxIdleConns(0) // nobody else holds the database open: what SQLite makes at opening must be gone afterwards
	says := func(want ...string) {
		t.Helper()
		before := p.trace(t)
		status, out, faults := p.examine(t, p.write(keys))
		for _, w := range want {
			if status != 1 || !strings.Contains(faults["database"], w) {
				t.Errorf("status %d, the database line does not say %q:\n%s", status, w, out)
			}
		}
		p.discreet(t, out)
		if after := p.trace(t); after != before {
			t.Errorf("the doctor left a trace; before:\n%s\nafter:\n%s", before, after)
		}
	}
	says("no tables yet", "xunfang migrate --config")
	p.mustRun("migrate", "--config", p.write(keys))
	if _, out, faults := p.examine(t, p.write(keys)); faults["database"] != "" || !strings.Contains(out, "ok   database: ") {
		t.Errorf("a migrated database:\n%s", out)
	}
	last := column(t, p.admin, "SELECT MAX(version_id) FROM goose_db_version")[0]
	change := func(q string) {
		t.Helper()
		if _, err := p.admin.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	change("DELETE FROM goose_db_version WHERE version_id = " + last)
	says("older than this program", "make a backup", "xunfang migrate --config")
	change("DELETE FROM sealkeys") // as in a version that did not seal yet: the key must not be made in passing
	if err := os.Remove(keys["keyfile"]); err != nil {
		t.Fatal(err)
	}
	says("older than this program")
	change("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	says("newer version of this program", "restore the backup")
}

// strangers: who stands in the ledger and would never get a message is named, five at most; nobody else is.
func strangers(t *testing.T, bin string) {
	book := papers.Sample("2026-03-11")
	var members []sim.Member
	for i, m := range book.People { // the first is nobody in WeCom, the next six are outside the visible range
		if i > 0 {
			members = append(members, sim.Member{UserID: m.UserID, Name: m.Name, Hidden: i <= 6})
		}
	}
	wecom, err := sim.New(sim.Options{CorpID: docCorp, AgentID: docAgent, Secret: docSecret, Members: members})
	if err != nil {
		t.Fatal(err)
	}
	defer wecom.Close()
	api := httptest.NewServer(wecom)
	defer api.Close()
	dead := port(t)
	p := &patient{t: t, bin: bin, dir: t.TempDir(), driver: storetest.SQLite, front: &front{}, book: book}
	config := p.write(map[string]string{"listen": dead, "public": "http://" + dead, "data": p.dir, "api": api.URL, "corp": docCorp,
		"agent": fmt.Sprint(docAgent), "secret": docSecret, "token": docToken, "key": docKey, "driver": "sqlite"})
	p.furnish(config)
	_, out, faults := p.examine(t, config)
	p.discreet(t, out)
	said := faults["members"]
	for _, want := range []string{fmt.Sprintf("1 of %d are no userids", len(book.People)), book.People[0].UserID, "通讯录",
		fmt.Sprintf("6 of %d are outside", len(book.People)), "可见范围"} {
		if !strings.Contains(said, want) {
			t.Errorf("the members' lines do not say %q: %s", want, said)
		}
	}
	named := 0
	for i, m := range book.People {
		if strings.Contains(said, " "+m.UserID) {
			named++
			if i > 6 {
				t.Errorf("%s is well and named: %s", m.UserID, said)
			}
		}
	}
	if named != 6 {
		t.Errorf("%d named, want one unknown and five of six outside: %s", named, said)
	}
}

// waysToFamilies: 微信客服, SMS and the 服务号 are looked at, each by itself; none of them says anything to anybody, and none is missed
// where the county does without.
func waysToFamilies(t *testing.T, bin string) {
	wecom, err := sim.New(sim.Options{CorpID: docCorp, AgentID: docAgent, Secret: docSecret,
		Kf:       []sim.KfAccount{{OpenKfID: "wkours", Name: "家属服务", Granted: true}, {OpenKfID: "wktheirs", Name: "别的服务"}},
		SMS:      sim.SMS{AccessKey: "docaccess", Secret: docSMS, Signs: []string{"示例县民政局"}, Templates: map[string]string{"SMS_1": "请致电0951-0000000。"}},
		Official: sim.Official{AppID: "wxdoctor", Secret: docOffice}})
	if err != nil {
		t.Fatal(err)
	}
	defer wecom.Close()
	api := httptest.NewServer(wecom)
	defer api.Close()
	dead := port(t)
	p := &patient{t: t, bin: bin, dir: t.TempDir(), driver: storetest.SQLite, front: newFront(t, api.URL, 0), book: papers.Sample("2026-03-11")}
	keys := map[string]string{"listen": dead, "public": "http://" + dead, "data": p.dir, "api": p.front.URL, "corp": docCorp,
		"agent": fmt.Sprint(docAgent), "secret": docSecret, "token": docToken, "key": docKey, "driver": "sqlite"}
	p.furnish(p.write(keys))

	text := func(endpoint string, more string) string {
		return fmt.Sprintf("{sms: {provider: aliyun, endpoint: %q, access_key: docaccess, secret: %s, %s}}", endpoint, docSMS, more)
	}
	office := func(base, secret, token string) string {
		return fmt.Sprintf("{official: {api_base: %q, app_id: wxdoctor, secret: %s, callback: {token: %q, encoding_aes_key: %s}, notices: {summary: {template: T}}}}",
			base, secret, token, docKey)
	}
	const soundSMS = "sign: 示例县民政局, templates: {emergency: {code: SMS_1}}"
	for name, c := range map[string]struct {
		kf, family string
		faults     sim.KfFaults
		want       []string // lines, by how they begin
		bad        map[string]string
	}{
		"none":             {want: []string{"--   微信客服: none", "--   SMS: none", "--   服务号: none"}},
		"an account":       {kf: "{open_kfid: wkours}", want: []string{"ok   微信客服: wkours may be spoken for"}},
		"not handed over":  {kf: "{open_kfid: [wkours, wktheirs]}", want: []string{"ok   微信客服: wkours"}, bad: map[string]string{"微信客服": "通过API管理微信客服账号"}},
		"unknown account":  {kf: "{open_kfid: wknowhere}", bad: map[string]string{"微信客服": "wknowhere: not among the accounts"}},
		"app not listed":   {kf: "{open_kfid: wkours}", faults: sim.KfFaults{Unlisted: true}, bad: map[string]string{"微信客服": "可调用接口的应用"}},
		"an old secret":    {kf: "{open_kfid: wkours, secret: OLD" + docSecret + "}", want: []string{"warn 微信客服: has a secret of its own"}},
		"SMS":              {family: text(api.URL+"/sms/", soundSMS), want: []string{"ok   SMS: named with 1 templates, not tried"}},
		"SMS without sign": {family: text(api.URL+"/sms/", `sign: "", templates: {emergency: {code: SMS_1}}`), bad: map[string]string{"SMS": "sign"}},
		"official":         {family: office(p.front.URL+"/official", docOffice, docToken), want: []string{"ok   服务号: gives tokens, 1 notices named"}},
		"official, wrong secret": {family: office(p.front.URL+"/official", "WRONG"+docOffice, docToken),
			bad: map[string]string{"服务号": "基本配置"}},
		"official, away":     {family: office("http://"+dead, docOffice, docToken), bad: map[string]string{"服务号": "基本配置"}},
		"official, no token": {family: office(p.front.URL+"/official", docOffice, ""), bad: map[string]string{"服务号": "callback token"}},
	} {
		t.Run(name, func(t *testing.T) {
			keys := maps.Clone(keys)
			keys["kf"], keys["family"] = c.kf, c.family
			wecom.Faults().Set(sim.FaultSet{Kf: c.faults})
			_, out, faults := p.examine(t, p.write(keys))
			for _, line := range c.want {
				if !strings.Contains(out, "\n"+line) {
					t.Errorf("no line %q", line)
				}
			}
			for _, subject := range []string{"微信客服", "SMS", "服务号"} {
				if want := c.bad[subject]; (want == "") != (faults[subject] == "") || !strings.Contains(faults[subject], want) {
					t.Errorf("%s: BAD %q, want %q", subject, faults[subject], want)
				}
			}
			p.discreet(t, out)
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// TestDoctorUsage: wrong usage is 2, help has an example, a file that is not there is 1.
func TestDoctorUsage(t *testing.T) {
	for args, want := range map[string]int{"doctor": 2, "doctor x --config y": 2, "doctor --confg x": 2, "doctor --config nowhere.yaml": 1,
		"doctor --help": 0} {
		status, stdout, stderr := say(t, strings.Fields(args)...)
		if status != want {
			t.Errorf("%s: status %d: %s", args, status, stderr)
		}
		if want == 1 && !strings.Contains(stdout, "BAD  config: ") || want == 0 && !strings.Contains(stdout, "Examples:") {
			t.Errorf("%s: %s", args, stdout)
		}
	}
}
