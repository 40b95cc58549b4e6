package store

import (
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// What stands on printed paper is signed, so that nobody can make up a contact card. The signature keeps nobody from copying one: who
// holds the card still has to be known (wecom-external.md G.1).

// handleLetters leave out what is misread.
var handleLetters = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

func letters(word string) string {
	raw, _ := hex.DecodeString(word)
	return handleLetters.EncodeToString(raw)
}

// Handle is a word of ten letters for something, that nobody without the key can guess; the same for the same text under one key.
func (s *Store) Handle(of string) string { return letters(s.ring.Load().Index("handle", of))[:10] }

// Token is a handle with its signature, for a QR: 40 bytes of [0-9a-z.].
func (s *Store) Token(handle string) string {
	return tokenHead + "." + handle + "." + letters(s.ring.Load().Index("token", handle))
}

const tokenHead = "v1"

// HandleOf is the handle of a token whose signature is right, under any key that is still kept; "" of anything else.
func (s *Store) HandleOf(token string) string {
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 || parts[0] != tokenHead {
		parts = make([]string, 3)
	}
	good := 0
	for _, word := range s.ring.Load().Indexes("token", parts[1]) {
		good |= subtle.ConstantTimeCompare([]byte(letters(word)), []byte(parts[2]))
	}
	if good == 0 || parts[1] == "" {
		return ""
	}
	return parts[1]
}
