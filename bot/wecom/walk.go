package wecom

import (
	"encoding/xml"
	"io"
	"strings"
	"unicode/utf8"
)

// kind is what a tokens source found next.
type kind int

const (
	kindEnd   kind = iota // an element closed
	kindStart             // an element opened; the text is its name
	kindText              // characters
	kindEOF               // the document is over and was well-formed
	kindAlien             // nothing this source can read
)

// tokens is XML piece by piece. There are two of it: walker reads the plain shape WeCom really sends, library reads all XML.
type tokens interface {
	next() (kind, string)
}

// maxDepth is deeper than anything on wecom/90239 and wecom/90240 (the deepest, OptionId, is fifth).
const maxDepth = 12

// walker reads the shape WeCom sends: no attributes, comments, entities or carriage returns, characters either bare or in
// CDATA. Nine tenths of decoding a callback were encoding/xml; whatever is not of that shape is alien here and goes there.
type walker struct {
	s     string
	open  [maxDepth]string
	depth int
	began bool
	self  bool // a self-closing element still owes its end
}

// plain says whether a walker may read s at all: valid UTF-8 of characters XML allows, and no carriage return, which XML
// turns into a line feed.
func plain(s string) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 { // eight at a time: this looks at every byte of every callback
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if (w-0x2020202020202020)&^w&0x8080808080808080 != 0 && !printable(s[i:i+8]) {
			return false
		}
	}
	return printable(s[i:]) && utf8.ValidString(s) && !strings.Contains(s, "\uFFFE") && !strings.Contains(s, "\uFFFF")
}

func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

const (
	cdataOpen  = "<![CDATA["
	cdataClose = "]]>"
)

// over lays the walker on s.
func (w *walker) over(s string) *walker {
	*w = walker{s: s}
	return w
}

func (w *walker) next() (kind, string) {
	if w.self {
		w.self = false
		return w.end()
	}
	if w.depth == 0 {
		w.s = strings.TrimLeft(w.s, " \t\n")
		if w.s == "" && w.began {
			return kindEOF, ""
		}
		if w.s == "" || w.s[0] != '<' || strings.HasPrefix(w.s, "<!") {
			return kindAlien, ""
		}
	}
	if w.s == "" {
		return kindAlien, ""
	}
	if w.s[0] != '<' {
		i := strings.IndexByte(w.s, '<')
		if i < 0 {
			return kindAlien, ""
		}
		text := w.s[:i]
		if strings.IndexByte(text, '&') >= 0 || strings.Contains(text, cdataClose) {
			return kindAlien, ""
		}
		w.s = w.s[i:]
		return kindText, text
	}
	if strings.HasPrefix(w.s, cdataOpen) {
		i := strings.Index(w.s, cdataClose)
		if i < 0 {
			return kindAlien, ""
		}
		text := w.s[len(cdataOpen):i]
		w.s = w.s[i+len(cdataClose):]
		return kindText, text
	}
	if strings.HasPrefix(w.s, "</") {
		name, rest := elementName(w.s[2:])
		if w.depth == 0 || name != w.open[w.depth-1] || rest == "" || rest[0] != '>' {
			return kindAlien, ""
		}
		w.s = rest[1:]
		return w.end()
	}
	name, rest := elementName(w.s[1:])
	if name == "" || w.depth == maxDepth {
		return kindAlien, ""
	}
	switch {
	case strings.HasPrefix(rest, ">"):
		w.s = rest[1:]
	case strings.HasPrefix(rest, "/>"):
		w.s, w.self = rest[2:], true
	default:
		return kindAlien, ""
	}
	w.open[w.depth], w.began = name, true
	w.depth++
	return kindStart, name
}

func (w *walker) end() (kind, string) {
	w.depth--
	return kindEnd, w.open[w.depth]
}

// elementName cuts a plain ASCII name off s.
func elementName(s string) (name, rest string) {
	i := 0
	for i < len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			break
		}
		i++
	}
	return s[:i], s[i:]
}

// library reads any XML with encoding/xml.
type library struct {
	d     *xml.Decoder
	depth int
	began bool
}

func newLibrary(s string) *library { return &library{d: xml.NewDecoder(strings.NewReader(s))} }

func (l *library) next() (kind, string) {
	for {
		t, err := l.d.Token()
		if err == io.EOF && l.began {
			return kindEOF, ""
		}
		if err != nil {
			return kindAlien, ""
		}
		switch t := t.(type) {
		case xml.StartElement:
			if l.depth == maxDepth {
				return kindAlien, "" // nesting for its own sake
			}
			l.depth++
			l.began = true
			return kindStart, localName(t.Name)
		case xml.EndElement:
			l.depth--
			return kindEnd, localName(t.Name)
		case xml.CharData:
			if l.depth > 0 {
				return kindText, string(t)
			}
			if strings.Trim(string(t), " \t\r\n") != "" {
				return kindAlien, ""
			}
		case xml.Directive:
			return kindAlien, "" // a DOCTYPE has no business here
		}
	}
}

// localName keeps an element of a namespace from passing for one of WeCom's, which have none.
func localName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// leaves calls leaf with every element as it closes: how deep it stands (the root at 1), its name and its characters, and
// the name of the group it is in, the element at depth 2. False means that the source is not one well-formed document under
// <xml>.
func leaves(src tokens, leaf func(depth int, group, name, text string)) bool {
	var names [maxDepth]string
	depth, text, roots := 0, "", 0
	for {
		k, s := src.next()
		switch k {
		case kindStart:
			if depth == 0 {
				if roots++; roots > 1 || s != "xml" {
					return false
				}
			}
			names[depth], text = s, ""
			depth++
		case kindText:
			if text == "" {
				text = s
			} else {
				text += s
			}
		case kindEnd:
			leaf(depth, names[1], names[depth-1], text)
			depth, text = depth-1, ""
		case kindEOF:
			return true
		default:
			return false
		}
	}
}
