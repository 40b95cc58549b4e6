// Package seal answers how personal data lies at rest: encrypted under a key that is kept in a file of its own, bound to the
// place it was sealed for, and found again by a keyed index. It knows no table and decides nothing about who may read.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Ring is the keys of a key file, oldest first. The last one seals; all of them open. It is immutable and safe for use by
// many.
type Ring struct{ keys []key }

// key is one secret and what is derived from it: one key to seal with and one for the index, so that neither gives the
// other away. An identity number has so little entropy that the index key is as secret as the other (a list of all numbers
// hashed would match).
type key struct {
	id     ID
	secret []byte
	made   string // day, for people
	aead   cipher.AEAD
	index  []byte
}

// ID tells keys apart. It is derived from the secret, so a key that was damaged does not answer to it.
type ID [4]byte

func (i ID) String() string { return hex.EncodeToString(i[:]) }

// Errors that callers branch on. None of them, nor any other here, contains a byte of what was sealed.
var (
	ErrMissing = errors.New("the key file is not there")
	ErrDamaged = errors.New("the key file is damaged")
	ErrNoKey   = errors.New("sealed under a key that the key file does not hold")
	ErrForged  = errors.New("sealed data was altered, moved, or sealed elsewhere")
	ErrPlain   = errors.New("data that should be sealed is not")
)

const (
	secretSize = 32 // AES-256
	mark       = 1  // first byte of sealed bytes: the format's version; JSON and XML, which once lay there, begin otherwise
	textMark   = "~1"
	overhead   = 1 + len(ID{}) + 12 + 16 // version, key, nonce, tag
)

// New makes a ring of one fresh key, for a new key file or a test.
func New(now time.Time) *Ring {
	secret := make([]byte, secretSize)
	rand.Read(secret) // crypto/rand never fails: it ends the process instead
	return &Ring{keys: []key{derive(secret, now.UTC().Format(time.DateOnly))}}
}

func derive(secret []byte, made string) key {
	k := key{secret: secret, made: made}
	sum := sha256.Sum256(append([]byte("xunfang key id\x00"), secret...))
	copy(k.id[:], sum[:])
	block, err := aes.NewCipher(expand(secret, "xunfang data"))
	if err != nil { // only a key of the wrong length
		panic(err)
	}
	if k.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		panic(err)
	}
	k.index = expand(secret, "xunfang index")
	return k
}

func expand(secret []byte, what string) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, what, secretSize)
	if err != nil { // only for lengths beyond 8,160 bytes
		panic(err)
	}
	return out
}

// Load reads a key file. ErrMissing: there is none.
func Load(path string) (*Ring, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	r := &Ring{}
	for n, line := range strings.Split(string(raw), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Fields(line)
		if len(parts) != 3 {
			return nil, fmt.Errorf("%w: line %d is not id, day and key", ErrDamaged, n+1)
		}
		secret, err := base64.StdEncoding.DecodeString(parts[2])
		if err != nil || len(secret) != secretSize {
			return nil, fmt.Errorf("%w: the key of line %d is incomplete", ErrDamaged, n+1)
		}
		k := derive(secret, parts[1])
		if k.id.String() != parts[0] {
			return nil, fmt.Errorf("%w: the key of line %d is not the one its id names", ErrDamaged, n+1)
		}
		r.keys = append(r.keys, k)
	}
	if len(r.keys) == 0 {
		return nil, fmt.Errorf("%w: it holds no key", ErrDamaged)
	}
	return r, nil
}

// Create writes the ring to a new key file that only its owner may read. It never writes over a file.
func (r *Ring) Create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder of the key file: %w", err)
	}
	return r.save(path, os.Link)
}

// Rotated is the ring with a fresh key that seals from now on; the old ones still open.
func (r *Ring) Rotated(now time.Time) *Ring {
	return &Ring{keys: append(append([]key(nil), r.keys...), New(now).keys...)}
}

// Only is the ring with its newest key alone, once nothing is sealed under the others any more.
func (r *Ring) Only() *Ring { return &Ring{keys: r.keys[len(r.keys)-1:]} }

// Replace writes the ring over its key file, whole or not at all. What a writer that was killed left beside it goes: it holds
// keys, too.
func (r *Ring) Replace(path string) error {
	err := r.save(path, os.Rename)
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), temporary)) // the pattern is sound
	for _, name := range left {
		if info, gone := os.Stat(name); gone == nil && time.Since(info.ModTime()) > leftBehind {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

const (
	temporary  = ".xunfang-key-*"
	leftBehind = 5 * time.Second // a living writer takes milliseconds
)

func (r *Ring) save(path string, place func(from, to string) error) error {
	var b bytes.Buffer
	b.WriteString("# Xunfang's keys, oldest first; the last one seals. Without this file nobody can read what is sealed in the database,\n" +
		"# in the photos and in the backups. Keep a copy apart from them, and never send it.\n")
	for _, k := range r.keys {
		fmt.Fprintf(&b, "%s %s %s\n", k.id, k.made, base64.StdEncoding.EncodeToString(k.secret))
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), temporary) // mode 0600
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already after a rename
	_, err = tmp.Write(b.Bytes())
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = place(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path)) // a key must not be forgotten by a power cut after the first row is sealed under it
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Current is the key that seals.
func (r *Ring) Current() ID { return r.keys[len(r.keys)-1].id }

// IDs are all keys, oldest first.
func (r *Ring) IDs() []ID {
	out := make([]ID, len(r.keys))
	for i, k := range r.keys {
		out[i] = k.id
	}
	return out
}

// Seal encrypts bytes for one place: place is "table.column:row", and elsewhere they do not open (AES-256-GCM, random nonce).
func (r *Ring) Seal(place string, plain []byte) []byte {
	k := &r.keys[len(r.keys)-1]
	out := make([]byte, 0, overhead+len(plain))
	out = append(out, mark)
	out = append(out, k.id[:]...)
	return k.aead.Seal(out, nil, plain, []byte(place))
}

// Open decrypts what Seal made for the same place. ErrNoKey, ErrForged, or ErrPlain for bytes Seal never made.
func (r *Ring) Open(place string, sealed []byte) ([]byte, error) {
	id, ok := SealedUnder(sealed)
	if !ok {
		return nil, fmt.Errorf("%s: %w", where(place), ErrPlain)
	}
	for i := len(r.keys) - 1; i >= 0; i-- {
		if r.keys[i].id == id {
			plain, err := r.keys[i].aead.Open(nil, nil, sealed[1+len(id):], []byte(place))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", where(place), ErrForged)
			}
			return plain, nil
		}
	}
	return nil, fmt.Errorf("%s: %w (%s)", where(place), ErrNoKey, id)
}

// where leaves out the row, which may name a person.
func where(place string) string {
	column, _, _ := strings.Cut(place, ":")
	return column
}

// SealedUnder says which key bytes are sealed under; false where they are not sealed.
func SealedUnder(b []byte) (id ID, ok bool) {
	if len(b) < overhead || b[0] != mark {
		return id, false
	}
	copy(id[:], b[1:])
	return id, true
}

// SealText is Seal for a text column. Nothing stays nothing: that a field is empty is no secret.
func (r *Ring) SealText(place, plain string) string {
	if plain == "" {
		return ""
	}
	return textMark + base64.RawStdEncoding.EncodeToString(r.Seal(place, []byte(plain)))
}

// OpenText is Open for a text column.
func (r *Ring) OpenText(place, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	raw, ok := bytesOf(sealed)
	if !ok {
		return "", fmt.Errorf("%s: %w", where(place), ErrPlain)
	}
	plain, err := r.Open(place, raw)
	return string(plain), err
}

// TextSealedUnder is SealedUnder for a text column.
func TextSealedUnder(s string) (ID, bool) {
	raw, _ := bytesOf(s)
	return SealedUnder(raw)
}

func bytesOf(s string) ([]byte, bool) {
	body, ok := strings.CutPrefix(s, textMark)
	if !ok {
		return nil, false
	}
	raw, err := base64.RawStdEncoding.DecodeString(body)
	return raw, err == nil
}

// Index is a word by which a value can be looked up without being read: the same value of the same kind gives the same word
// under the same key, and nobody without the key can tell which. Nothing gives nothing.
func (r *Ring) Index(kind, value string) string { return r.keys[len(r.keys)-1].word(kind, value) }

// Indexes are the words under all keys, newest first: while keys are being changed a row has one of them.
func (r *Ring) Indexes(kind, value string) []string {
	out := make([]string, 0, len(r.keys))
	for i := len(r.keys) - 1; i >= 0; i-- {
		out = append(out, r.keys[i].word(kind, value))
	}
	return out
}

func (k *key) word(kind, value string) string {
	if value == "" {
		return ""
	}
	m := hmac.New(sha256.New, k.index)
	m.Write([]byte(kind + "\x00" + value))
	return hex.EncodeToString(m.Sum(nil)[:16])
}
