package main

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// room is one row of the floor plan: what the package may import, its tests aside. A path that ends in /... stands for
// everything below it, too. The standard library is open to all but the pure rooms, which do no I/O.
type room struct {
	ours   []string
	theirs []string
	pure   bool
}

// anything is a room's theirs where what it takes from others is its own affair.
const anything = "..."

// floorPlan is the house: arrows only point down it. A new package or a new library in a narrow room is a row here, with the
// reason in the commit.
var floorPlan = map[string]room{
	"xunfang": {
		ours: []string{"xunfang/bot", "xunfang/bot/wecom", "xunfang/bot/sms", "xunfang/bot/official", "xunfang/bot/sim",
			"xunfang/store", "xunfang/scheduler", "xunfang/flows", "xunfang/flows/understand", "xunfang/ledger",
			"xunfang/ledger/papers", "xunfang/ledger/names", "xunfang/seal"},
		theirs: []string{anything},
	},
	"xunfang/bot": {
		ours: []string{"xunfang/bot/wecom", "xunfang/bot/sms", "xunfang/bot/official", "xunfang/flows", "xunfang/flows/understand",
			"xunfang/scheduler", "xunfang/store", "xunfang/ledger", "xunfang/ledger/names",
			"xunfang/ledger/papers"}, // a month as a picture
		theirs: []string{anything},
	},
	// The SDK's root rewrites the process's logging in its init, and officialaccount brings it along: subpackages only.
	"xunfang/bot/wecom": {
		ours: []string{"xunfang/bot/remote", "xunfang/ledger"},
		theirs: []string{"github.com/silenceper/wechat/v2/util", "github.com/silenceper/wechat/v2/credential",
			"github.com/silenceper/wechat/v2/work/..."},
	},
	"xunfang/bot/sms": {ours: []string{"xunfang/bot/remote"}},
	// What clients of outside APIs do alike.
	"xunfang/bot/remote": {},
	// As bot/wecom: the SDK's root and officialaccount bring logging and a server that takes unsigned bodies.
	"xunfang/bot/official": {ours: []string{"xunfang/bot/remote"}, theirs: []string{"github.com/silenceper/wechat/v2/util"}},
	// What the simulator believes of WeCom comes from WeCom's pages, so that a misreading on our side shows.
	"xunfang/bot/sim": {theirs: []string{anything}},
	// How personal data lies at rest: the store seals rows with it, the root keeps the key file.
	"xunfang/seal": {},
	"xunfang/store": {
		ours: []string{"xunfang/ledger", "xunfang/seal"},
		theirs: []string{"gorm.io/...", "github.com/glebarez/...", "modernc.org/sqlite/...", "github.com/go-sql-driver/mysql",
			"github.com/pressly/goose/v3/...", "github.com/redis/go-redis/v9/...", "github.com/bsm/redislock",
			"golang.org/x/sync/..."},
	},
	"xunfang/store/storetest": {
		ours:   []string{"xunfang/store", "xunfang/ledger", "xunfang/seal"},
		theirs: []string{"github.com/go-sql-driver/mysql", "github.com/glebarez/...", "github.com/redis/go-redis/v9/..."},
	},
	"xunfang/scheduler": {
		ours:   []string{"xunfang/ledger"},
		theirs: []string{"github.com/goccy/go-yaml/...", "github.com/robfig/cron/v3", "github.com/6tail/lunar-go/..."},
	},
	"xunfang/flows": {ours: []string{"xunfang/flows/understand", "xunfang/ledger"}, pure: true},
	"xunfang/flows/understand": {
		ours: []string{"xunfang/ledger", "xunfang/ledger/names"}, theirs: []string{"github.com/agnivade/levenshtein", "github.com/mozillazg/go-pinyin"}, pure: true,
	},
	"xunfang/ledger":                  {pure: true},
	"xunfang/ledger/papers/papertest": {ours: []string{"xunfang/ledger", "xunfang/ledger/papers"}, theirs: []string{"pgregory.net/rapid"}},
	"xunfang/ledger/names": {
		ours: []string{"xunfang/ledger"}, theirs: []string{"github.com/agnivade/levenshtein", "github.com/mozillazg/go-pinyin"}, pure: true,
	},
	"xunfang/ledger/papers": {
		ours: []string{"xunfang/ledger"},
		theirs: []string{"github.com/xuri/excelize/v2", "golang.org/x/image/...", "github.com/go-analyze/charts/...",
			"github.com/skip2/go-qrcode", "github.com/signintech/gopdf"}, // gopdf: a contact card in print
	},
}

// outside are the parts of the standard library that reach out of the process.
var outside = []string{"os/...", "net", "net/http/...", "net/rpc/...", "net/smtp", "syscall/...", "database/sql/...", "log/..."}

// refuses says which rule an import breaks, or nothing.
func (r room) refuses(imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case first == "xunfang":
		if !covers(r.ours, imported) {
			return "the arrow is not in the floor plan"
		}
	case !strings.Contains(first, "."):
		if r.pure && covers(outside, imported) {
			return "a pure room does no I/O"
		}
	case !covers(r.theirs, imported):
		return "the floor plan does not give the room this library"
	}
	return ""
}

func covers(patterns []string, imported string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		above, below := strings.CutSuffix(p, "...")
		above = strings.TrimSuffix(above, "/")
		return p == anything || imported == above || below && strings.HasPrefix(imported, above+"/")
	})
}

// listed is a package as `go list` tells it.
type listed struct {
	ImportPath, Name, Dir              string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports                            []string
}

func goPackages(t *testing.T) []listed {
	t.Helper()
	out := toolOutput(t, "go", "list", "-json", "./...")
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 2 {
		t.Fatalf("go list names %d packages, want the whole house", len(all))
	}
	return all
}

func toolOutput(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.Command(name, args...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return out
}

func TestArrowsPointDown(t *testing.T) {
	for _, p := range goPackages(t) {
		r, ok := floorPlan[p.ImportPath]
		if !ok {
			t.Errorf("%s: the package is not in the floor plan", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if why := r.refuses(imported); why != "" {
				t.Errorf("%s imports %s: %s", importer(t, p, imported), imported, why)
			}
		}
	}
}

// importer is the file of p that imports a package.
func importer(t *testing.T, p listed, imported string) string {
	t.Helper()
	for _, name := range p.GoFiles {
		file := parseGo(t, token.NewFileSet(), filepath.Join(p.Dir, name))
		for _, i := range file.Imports {
			if i.Path.Value == `"`+imported+`"` {
				return goFile(p, name)
			}
		}
	}
	return p.ImportPath
}

func parseGo(t *testing.T, set *token.FileSet, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return file
}

// goFile names a file from the root on.
func goFile(p listed, name string) string {
	return path.Join(strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "xunfang"), "/"), name)
}

// The rules themselves: a guard that refuses nothing would pass everything.
func TestRoomsRefuse(t *testing.T) {
	for _, c := range []struct {
		room, imported string
		refused        bool
	}{
		{"xunfang/ledger", "strings", false},
		{"xunfang/ledger", "os", true},
		{"xunfang/ledger", "gorm.io/gorm", true},
		{"xunfang/ledger", "xunfang/ledger/papers", true},
		{"xunfang/flows", "xunfang/ledger", false},
		{"xunfang/flows", "net/url", false},
		{"xunfang/flows", "net/http", true},
		{"xunfang/flows", "xunfang/store", true},
		{"xunfang/store", "gorm.io/gorm/clause", false},
		{"xunfang/store", "xunfang/bot", true},
		{"xunfang/bot", "xunfang/bot/sim", true},
		{"xunfang/bot/sim", "xunfang/ledger", true},
		{"xunfang/bot/wecom", "github.com/silenceper/wechat/v2/work/message", false},
		{"xunfang/bot/wecom", "github.com/silenceper/wechat/v2", true},
		{"xunfang", "xunfang/store/storetest", true},
	} {
		if why := floorPlan[c.room].refuses(c.imported); (why != "") != c.refused {
			t.Errorf("%s imports %s: refused %t (%s), want %t", c.room, c.imported, why != "", why, c.refused)
		}
	}
}

func TestPackagesSayWhatTheyAnswer(t *testing.T) {
	for _, p := range goPackages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Xunfang "
		}
		var says []string
		for _, name := range p.GoFiles {
			if doc := parseGo(t, token.NewFileSet(), filepath.Join(p.Dir, name)).Doc; doc != nil {
				says = append(says, name)
				if !strings.HasPrefix(doc.Text(), want) {
					t.Errorf("%s: the package comment does not begin with %q", goFile(p, name), want)
				}
			}
		}
		if len(says) != 1 {
			t.Errorf("%s: want a package comment in one file, to say what it answers and what it does not do; it is in %v",
				p.ImportPath, says)
		}
	}
}

func TestHabits(t *testing.T) {
	for _, p := range goPackages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			set := token.NewFileSet()
			ast.Inspect(parseGo(t, set, filepath.Join(p.Dir, name)), func(n ast.Node) bool {
				if f, ok := n.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Example") {
					return false // an Example's output is its assertion
				}
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				var rule string
				switch of, _ := s.X.(*ast.Ident); {
				case of == nil:
				case of.Name == "time" && s.Sel.Name == "Local" && p.ImportPath != "xunfang/ledger":
					rule = "the zone is the configuration's, and only the ledger makes a day of it"
				case of.Name == "fmt" && strings.HasPrefix(s.Sel.Name, "Print") && p.Name != "main":
					rule = "only the commands print"
				}
				if rule != "" {
					t.Errorf("%s:%d: names %v.%s: %s", goFile(p, name), set.Position(s.Pos()).Line, s.X, s.Sel.Name, rule)
				}
				return true
			})
		}
	}
}

// machinePath finds the paths of the machines this was written on; they mean nothing on another. A path inside a longer one,
// such as an import path with a folder named work, is none.
var machinePath = regexp.MustCompile(`(?m)(?:^|[^\w.-])/(?:work|root)/|/tmp/bash[_]jobs`)

func TestNoPathsOfOneMachine(t *testing.T) {
	files := strings.FieldsFunc(string(toolOutput(t, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")),
		func(r rune) bool { return r == 0 })
	if len(files) == 0 {
		t.Fatal("git lists no files: run the tests in a checkout")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed so
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range machinePath.FindAllIndex(text, -1) {
			t.Errorf("%s:%d: names a path of one machine", name, 1+bytes.Count(text[:at[0]+1], []byte("\n")))
		}
	}
}
