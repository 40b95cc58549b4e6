package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var day = time.Date(2026, 3, 11, 8, 0, 0, 0, time.UTC)

func TestSealOpensOnlyWhereItWasSealed(t *testing.T) {
	r := New(day)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed := r.Seal("elders.phone:A01", plain)
		if got, err := r.Open("elders.phone:A01", sealed); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("opened %q, %v", got, err)
		}
		for _, elsewhere := range []string{"elders.phone:A02", "elders.health:A01", ""} {
			if got, err := r.Open(elsewhere, sealed); !errors.Is(err, ErrForged) || got != nil {
				t.Fatalf("opened at %q: %v", elsewhere, err)
			}
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")
		sealed[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if got, err := r.Open("elders.phone:A01", sealed); err == nil || got != nil {
			t.Fatal("altered bytes opened")
		}
		if got, err := r.Open("elders.phone:A01", plain); err == nil || got != nil {
			t.Fatal("bytes never sealed opened")
		}
	})
}

func TestTextIsNeitherReadableNorRepeated(t *testing.T) {
	r := New(day)
	a, b := r.SealText("elders.phone:A01", "13900000001"), r.SealText("elders.phone:A01", "13900000001")
	if a == b || strings.Contains(a, "139") {
		t.Fatalf("two seals of one value: %q, %q", a, b)
	}
	if got, err := r.OpenText("elders.phone:A01", a); err != nil || got != "13900000001" {
		t.Fatalf("opened %q, %v", got, err)
	}
	if r.SealText("x:1", "") != "" {
		t.Fatal("nothing was sealed into something")
	}
	for _, bad := range []string{"13900000001", textMark, textMark + "AAAA", textMark + "不"} {
		if _, err := r.OpenText("elders.phone:A01", bad); !errors.Is(err, ErrPlain) {
			t.Fatalf("%q: %v", bad, err)
		}
	}
}

func TestErrorsNameTheColumnAndNeverTheRowOrTheValue(t *testing.T) {
	_, err := New(day).OpenText("elders.phone:A01", "13900000001")
	if s := err.Error(); !strings.Contains(s, "elders.phone") || strings.Contains(s, "A01") || strings.Contains(s, "139") {
		t.Fatal(s)
	}
}

func TestRotation(t *testing.T) {
	old := New(day)
	sealed := old.SealText("p:1", "x")
	both := old.Rotated(day)
	if got, err := both.OpenText("p:1", sealed); err != nil || got != "x" {
		t.Fatalf("the old key no longer opens: %v", err)
	}
	fresh := both.SealText("p:1", "x")
	if id, _ := TextSealedUnder(fresh); id != both.Current() || id == old.Current() {
		t.Fatal("the new key does not seal")
	}
	if _, err := old.OpenText("p:1", fresh); !errors.Is(err, ErrNoKey) {
		t.Fatalf("opened without the key: %v", err)
	}
	if _, err := both.Only().OpenText("p:1", sealed); !errors.Is(err, ErrNoKey) {
		t.Fatalf("a dropped key still opens: %v", err)
	}
	words := both.Indexes("phone", "13900000001")
	if len(words) != 2 || words[1] != old.Index("phone", "13900000001") || words[0] == words[1] {
		t.Fatalf("index words %q", words)
	}
}

func TestIndexTellsKindsApartAndHidesNothingAsNothing(t *testing.T) {
	r := New(day)
	if r.Index("phone", "1") == r.Index("id", "1") || r.Index("phone", "1") == New(day).Index("phone", "1") || r.Index("phone", "") != "" {
		t.Fatal("index words do not depend on kind and key alone")
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "xunfang.key")
	if _, err := Load(path); !errors.Is(err, ErrMissing) {
		t.Fatal(err)
	}
	r := New(day)
	if err := r.Create(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if err := New(day).Create(path); !errors.Is(err, os.ErrExist) {
		t.Fatalf("a key file was written over: %v", err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.OpenText("p:1", r.SealText("p:1", "x")); err != nil || got != "x" {
		t.Fatal("the file does not hold the key")
	}
	if err := again.Rotated(day).Replace(path); err != nil {
		t.Fatal(err)
	}
	if both, err := Load(path); err != nil || len(both.IDs()) != 2 || both.IDs()[0] != r.Current() {
		t.Fatal("the rotated file does not hold both keys in order")
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".xunfang-key-*")); err != nil || len(left) > 0 {
		t.Fatalf("left behind %q", left)
	}
}

func TestDamagedKeyFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "xunfang.key")
	if err := New(day).Create(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(good)), "\n")
	key := strings.Fields(lines[len(lines)-1])
	flipped := []byte(key[2])
	if flipped[5]++; flipped[5] > 'z' {
		flipped[5] = 'A'
	}
	for name, text := range map[string]string{
		"empty": "", "only remarks": lines[0], "cut off": strings.Join(key[:2], " ") + " " + key[2][:20], "other id": "00000000 2026-03-11 " + key[2],
		"one letter": key[0] + " " + key[1] + " " + string(flipped), "two words": key[0] + " " + key[2],
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), key[2][:20]) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
}

func BenchmarkSealAndOpen(b *testing.B) {
	r := New(day)
	b.ReportAllocs()
	for b.Loop() {
		s := r.SealText("elders.id_number:A01", "000000194803050019")
		if _, err := r.OpenText("elders.id_number:A01", s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndex(b *testing.B) {
	r := New(day)
	for b.Loop() {
		r.Index("id", "000000194803050019")
	}
}

// TestReplaceSweepsUp: a key file half written by somebody who was killed does not lie about for ever.
func TestReplaceSweepsUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "xunfang.key")
	r := New(time.Now())
	if err := r.Create(path); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(filepath.Dir(path), ".xunfang-key-1"), filepath.Join(filepath.Dir(path), ".xunfang-key-2")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Now(), time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := r.Rotated(time.Now()).Replace(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an old one is still there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("somebody's who is writing is gone: %v", err)
	}
}
