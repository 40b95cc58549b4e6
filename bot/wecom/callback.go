package wecom

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Door is where WeCom's callbacks come in: it checks who knocks, opens the letter and seals answers (wecom/90930,
// wecom/90968). It may be used by any number of goroutines.
type Door struct {
	corpID string
	token  string
	block  cipher.Block
	iv     [aes.BlockSize]byte
	random func([]byte) error // 16 bytes before each sealed answer
	desks  sync.Pool          // *desk
}

// desk is what opening one letter needs and the next one can use again.
type desk struct {
	buf []byte
	w   walker
}

var (
	// ErrSignature says that the caller is not WeCom, or that the message is for another corp: 401.
	ErrSignature = errors.New("callback: signature or receiver does not match")
	// ErrMalformed says that parameters, body or ciphertext are not what WeCom sends: 400. One sentence for all cases, since a
	// caller who learns which check failed can read plaintext byte by byte.
	ErrMalformed = errors.New("callback: malformed")
)

// MaxBody is the largest callback body that is read (contract: more is 413). WeCom's own are a few KB.
const MaxBody = 1 << 20

// padBlock is the block WeCom pads to: twice that of AES.
const padBlock = 32

// strict refuses what a decoder may overlook. It still skips CR and LF; unpack refuses those.
var strict = base64.StdEncoding.Strict()

// NewDoor takes the three values of the console's page 接收消息. Faults are those of the configuration, all at once.
func NewDoor(corpID, token, encodingAESKey string) (*Door, error) {
	var faults []error
	if corpID == "" {
		faults = append(faults, errors.New("corp_id is empty"))
	}
	// An empty token would leave a signature that anybody can compute.
	if token == "" || len(token) > 32 || !alphanumeric(token) {
		faults = append(faults, errors.New("callback token must be 1 to 32 letters and digits"))
	}
	if len(encodingAESKey) != 43 || !alphanumeric(encodingAESKey) {
		faults = append(faults, errors.New("encoding_aes_key must be 43 letters and digits"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	// Not Strict: keys WeCom itself printed leave bits over in the last character.
	key, err := base64.StdEncoding.DecodeString(encodingAESKey + "=")
	if err != nil {
		return nil, errors.New("encoding_aes_key is no base64")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errors.New("encoding_aes_key is no AES key")
	}
	d := &Door{corpID: corpID, token: token, block: block, random: func(b []byte) error { _, err := rand.Read(b); return err }}
	copy(d.iv[:], key)
	d.desks.New = func() any { return new(desk) }
	return d, nil
}

func alphanumeric(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}

// Verify answers WeCom's GET when the administrator presses save: the bytes to send back, bare (wecom/90238).
func (d *Door) Verify(query url.Values) (echo []byte, err error) {
	p := params{query.Get("msg_signature"), query.Get("timestamp"), query.Get("nonce"), query.Get("echostr")}
	if p.echo == "" {
		return nil, ErrMalformed
	}
	k := d.desks.Get().(*desk)
	defer d.desks.Put(k)
	msg, err := d.unseal(k, p, p.echo)
	return append([]byte(nil), msg...), err
}

// Open verifies, decrypts and reads a POSTed callback. The query comes raw, as in url.URL.RawQuery.
func (d *Door) Open(rawQuery string, body []byte) (Event, error) {
	p, ok := parseParams(rawQuery)
	if !ok || len(body) > MaxBody {
		return Event{}, ErrMalformed
	}
	k := d.desks.Get().(*desk)
	defer d.desks.Put(k)
	encrypt, ok := parseEnvelope(&k.w, string(body))
	if !ok {
		return Event{}, ErrMalformed
	}
	msg, err := d.unseal(k, p, encrypt)
	if err != nil {
		return Event{}, err
	}
	e, ok := parseEvent(&k.w, string(msg))
	if !ok {
		return Event{}, ErrMalformed
	}
	e.Raw = append([]byte(nil), msg...)
	return e, nil
}

// params are the four parameters that count; whatever else the callback address carries is no part of the signature.
type params struct{ signature, timestamp, nonce, echo string }

// parseParams is url.ParseQuery for what is needed, without building a map. The first of equal names counts, as with
// url.Values.Get.
func parseParams(raw string) (params, bool) {
	var p params
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		var at *string
		switch name {
		case "msg_signature":
			at = &p.signature
		case "timestamp":
			at = &p.timestamp
		case "nonce":
			at = &p.nonce
		default:
			continue
		}
		if *at != "" {
			continue
		}
		v, err := url.QueryUnescape(value)
		if err != nil {
			return params{}, false
		}
		*at = v
	}
	return p, true
}

// parseEnvelope finds the ciphertext in the outer XML, wherever it stands in it (wecom/90930).
func parseEnvelope(w *walker, s string) (encrypt string, ok bool) {
	found := func(depth int, _, name, text string) {
		if depth == 2 && name == "Encrypt" {
			encrypt = text
		}
	}
	if plain(s) && leaves(w.over(s), found) {
		return encrypt, encrypt != ""
	}
	encrypt = ""
	ok = leaves(newLibrary(s), found)
	return encrypt, ok && encrypt != ""
}

// unseal checks the signature before it decodes anything. The message lies on the desk.
func (d *Door) unseal(k *desk, p params, encrypt string) (msg []byte, err error) {
	if p.signature == "" || p.nonce == "" || !tenDigits(p.timestamp) {
		return nil, ErrMalformed
	}
	want := d.sign(&k.buf, p.timestamp, p.nonce, encrypt)
	if subtle.ConstantTimeCompare(want[:], []byte(p.signature)) != 1 {
		return nil, ErrSignature
	}
	return d.unpack(&k.buf, encrypt)
}

// tenDigits guards the signature: it covers the values joined without a mark between them, so that digits moved from the
// timestamp to the nonce would verify as well.
func tenDigits(s string) bool {
	if len(s) != 10 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// sign is the lower-case hex SHA-1 over the four values, sorted and joined (wecom/90968). buf is scratch.
func (d *Door) sign(buf *[]byte, timestamp, nonce, encrypt string) (hexSum [2 * sha1.Size]byte) {
	v := [4]string{d.token, timestamp, nonce, encrypt}
	for i := 1; i < len(v); i++ {
		for j := i; j > 0 && v[j] < v[j-1]; j-- {
			v[j], v[j-1] = v[j-1], v[j]
		}
	}
	b := (*buf)[:0]
	for _, s := range v {
		b = append(b, s...)
	}
	*buf = b
	sum := sha1.Sum(b)
	hex.Encode(hexSum[:], sum[:])
	return hexSum
}

// unpack decodes and decrypts: random(16) ‖ length(4, big-endian) ‖ message ‖ receiver ‖ padding to 32 (wecom/90968).
// The message lies in buf.
func (d *Door) unpack(buf *[]byte, encrypt string) (msg []byte, err error) {
	if strings.IndexByte(encrypt, '\r') >= 0 || strings.IndexByte(encrypt, '\n') >= 0 {
		return nil, ErrMalformed
	}
	text := append(slices.Grow((*buf)[:0], 2*len(encrypt)), encrypt...)
	*buf = text
	b := text[len(text):cap(text)]
	n, err := strict.Decode(b, text)
	if err != nil || n == 0 || n%padBlock != 0 {
		return nil, ErrMalformed
	}
	b = b[:n]
	cipher.NewCBCDecrypter(d.block, d.iv[:]).CryptBlocks(b, b)

	pad := int(b[n-1])
	if pad < 1 || pad > padBlock {
		return nil, ErrMalformed
	}
	for _, c := range b[n-pad:] {
		if int(c) != pad {
			return nil, ErrMalformed
		}
	}
	b = b[:n-pad]
	if len(b) < 20 {
		return nil, ErrMalformed
	}
	length := uint64(binary.BigEndian.Uint32(b[16:20])) // uint64: an int may have 32 bits
	if 20+length > uint64(len(b)) {
		return nil, ErrMalformed
	}
	end := 20 + int(length)
	if subtle.ConstantTimeCompare(b[end:], []byte(d.corpID)) != 1 {
		return nil, ErrSignature
	}
	return b[20:end], nil
}

// Seal wraps a passive reply (wecom/90241) in its encrypted envelope. The timestamp is in seconds; it and the nonce may be
// those of the request.
func (d *Door) Seal(plainXML []byte, timestamp, nonce string) ([]byte, error) {
	if !tenDigits(timestamp) || nonce == "" {
		return nil, fmt.Errorf("seal a reply: timestamp must have ten digits and nonce must not be empty")
	}
	size := 20 + len(plainXML) + len(d.corpID)
	pad := padBlock - size%padBlock
	b := make([]byte, 20, size+pad)
	if err := d.random(b[:16]); err != nil {
		return nil, fmt.Errorf("seal a reply: %w", err)
	}
	binary.BigEndian.PutUint32(b[16:20], uint32(len(plainXML)))
	b = append(append(b, plainXML...), d.corpID...)
	for range pad {
		b = append(b, byte(pad))
	}
	cipher.NewCBCEncrypter(d.block, d.iv[:]).CryptBlocks(b, b)
	encrypt := base64.StdEncoding.EncodeToString(b)
	signature := d.sign(new([]byte), timestamp, nonce, encrypt)

	var out strings.Builder
	out.WriteString("<xml>")
	element(&out, "Encrypt", encrypt)
	element(&out, "MsgSignature", string(signature[:]))
	out.WriteString("<TimeStamp>" + timestamp + "</TimeStamp>")
	element(&out, "Nonce", nonce)
	out.WriteString("</xml>")
	return []byte(out.String()), nil
}

// PassiveUpdateButton is the plaintext that greys out the buttons of the card just tapped, for the one who tapped it
// (wecom/90241). The page contradicts itself on whether WeCom heeds it; the update by API is what counts.
func PassiveUpdateButton(e Event, replaceName string, now time.Time) []byte {
	var out strings.Builder
	out.WriteString("<xml>")
	element(&out, "ToUserName", e.From)
	element(&out, "FromUserName", e.ToUser)
	out.WriteString("<CreateTime>" + strconv.FormatInt(now.Unix(), 10) + "</CreateTime>")
	element(&out, "MsgType", "update_button")
	out.WriteString("<Button>")
	element(&out, "ReplaceName", replaceName)
	out.WriteString("</Button></xml>")
	return []byte(out.String())
}

// element writes characters as CDATA; a "]]>" among them is cut in two.
func element(out *strings.Builder, name, text string) {
	out.WriteString("<" + name + ">" + cdataOpen)
	out.WriteString(strings.ReplaceAll(text, cdataClose, "]]"+cdataClose+cdataOpen+">"))
	out.WriteString(cdataClose + "</" + name + ">")
}
