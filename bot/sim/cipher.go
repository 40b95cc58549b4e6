package sim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// sealer signs and encrypts as path/90968 says. Written from that page alone.
type sealer struct {
	token, receiver string
	iv              []byte
	block           cipher.Block
}

const padTo = 32 // PKCS#7 to 32 bytes, though AES blocks have 16

func newSealer(token, encodingAESKey, receiver string) (sealer, error) {
	if len(token) == 0 || len(token) > 32 || strings.ContainsFunc(token, notAlphanumeric) {
		return sealer{}, errors.New("token: want 1 to 32 letters and digits (path/90930)")
	}
	if len(encodingAESKey) != 43 || strings.ContainsFunc(encodingAESKey, notAlphanumeric) {
		return sealer{}, errors.New("EncodingAESKey: want exactly 43 letters and digits (path/90930)")
	}
	// Not Strict: published keys carry non-zero trailing bits.
	key, err := base64.StdEncoding.DecodeString(encodingAESKey + "=")
	if err != nil {
		return sealer{}, fmt.Errorf("EncodingAESKey: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("EncodingAESKey: %w", err)
	}
	return sealer{token: token, receiver: receiver, iv: key[:aes.BlockSize], block: block}, nil
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func (c sealer) sign(timestamp, nonce, encrypted string) string {
	parts := []string{c.token, timestamp, nonce, encrypted}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

func (c sealer) encrypt(msg string) string {
	return base64.StdEncoding.EncodeToString(c.blocks(padded(frame(msg, c.receiver, len(msg)))))
}

// frame lays out random(16) ‖ length(4, network order) ‖ msg ‖ receiveid.
func frame(msg, receiver string, length int) []byte {
	b := make([]byte, 20, 20+len(msg)+len(receiver)+padTo)
	rand.Read(b[:16])
	binary.BigEndian.PutUint32(b[16:], uint32(length))
	return append(append(b, msg...), receiver...)
}

func padded(b []byte) []byte {
	n := padTo - len(b)%padTo
	return append(b, bytes.Repeat([]byte{byte(n)}, n)...)
}

func (c sealer) blocks(plain []byte) []byte {
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(c.block, c.iv).CryptBlocks(out, plain)
	return out
}

func (c sealer) decrypt(encrypted string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return "", fmt.Errorf("cipher text: %w", err)
	}
	if len(raw) == 0 || len(raw)%padTo != 0 {
		return "", fmt.Errorf("cipher text of %d bytes is no multiple of %d", len(raw), padTo)
	}
	cipher.NewCBCDecrypter(c.block, c.iv).CryptBlocks(raw, raw)
	n := int(raw[len(raw)-1])
	if n < 1 || n > padTo || !bytes.Equal(raw[len(raw)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return "", errors.New("padding is not PKCS#7 to 32 bytes")
	}
	raw = raw[:len(raw)-n]
	if len(raw) < 20 {
		return "", errors.New("plain text shorter than its frame")
	}
	length := uint64(binary.BigEndian.Uint32(raw[16:20]))
	if length > uint64(len(raw)-20) {
		return "", errors.New("msg_len is longer than the plain text")
	}
	if got := string(raw[20+length:]); got != c.receiver {
		return "", errors.New("receiveid is not the CorpID")
	}
	return string(raw[20 : 20+length]), nil
}
