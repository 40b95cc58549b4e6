package wecom

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/silenceper/wechat/v2/util"

	"xunfang/ledger"
)

// MediaKind is what an upload is used as (wecom/90253).
type MediaKind string

const (
	MediaImage MediaKind = "image" // JPG, PNG
	MediaVoice MediaKind = "voice" // AMR, at most 60 s
	MediaVideo MediaKind = "video" // MP4
	MediaFile  MediaKind = "file"
)

// mediaLimits are the sizes of wecom/90253; everything must be larger than 5 bytes.
var mediaLimits = map[MediaKind]int{MediaImage: 10 << 20, MediaVoice: 2 << 20, MediaVideo: 10 << 20, MediaFile: 20 << 20}

// Fetch reads a member's picture, voice or video (wecom/90254), at most maxBytes of it: a larger one is ErrTooLarge. The
// SDK's GetTempFile has no limit and takes a member's own JSON file for an error.
func (c *Client) Fetch(ctx context.Context, mediaID string, maxBytes int64) (data []byte, contentType string, err error) {
	err = c.do(ctx, apiMediaGet, c.cfg.MediaTimeout, func(t *ticket) error {
		req, err := http.NewRequestWithContext(t.ctx, http.MethodGet, t.url(apiMediaGet, url.Values{"media_id": {mediaID}}), nil)
		if err != nil {
			return err
		}
		resp, err := util.DefaultHTTPClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if !isFile(apiMediaGet, resp.Header) {
			return errAnswer // JSON without an error, and no file either
		}
		if resp.ContentLength > maxBytes {
			return ErrTooLarge
		}
		data, err = io.ReadAll(io.LimitReader(resp.Body, maxBytes+1))
		if err != nil {
			return err
		}
		if int64(len(data)) > maxBytes {
			return ErrTooLarge
		}
		contentType = resp.Header.Get("Content-Type")
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return data, contentType, nil
}

// UploadMedia keeps a file at WeCom for three days (wecom/90253). The file name is what people see.
func (c *Client) UploadMedia(ctx context.Context, kind MediaKind, filename string, r io.Reader) (mediaID string, err error) {
	limit, ok := mediaLimits[kind]
	if !ok {
		return "", &LimitError{Field: "media type", Need: "image, voice, video or file"}
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return "", fmt.Errorf("read the file to upload: %w", err)
	}
	var f faultList
	f.count("media bytes", len(data), 6, limit) // 44001, 45001
	if err := hard(f); err != nil {
		return "", err
	}
	name := path.Base(strings.ReplaceAll(filename, `\`, "/")) // people need not see our folders
	err = c.do(ctx, "media/upload", c.cfg.MediaTimeout, func(t *ticket) error {
		answer, err := t.material().UploadTempFileFromReader(name, string(kind), bytes.NewReader(data))
		if err != nil {
			return err
		}
		mediaID = answer.MediaID
		return nil
	})
	return mediaID, err
}

// pictureName is the file name of what we draw. It tells nothing: it is seen by whoever the picture is passed on to.
const pictureName = "巡访.png"

// sendPicture uploads a picture and sends it. Uploaded twice it does no harm: nobody sees what no message names. But each upload
// has a media_id of its own, so WeCom cannot know a picture sent again by its bytes as it knows words (see repeatSeconds).
// Therefore one whose answer was lost goes out under the media_id it had before, as long as this process lives. Where the
// process dies after WeCom took the message and before that was written down, the person gets the picture twice.
func (c *Client) sendPicture(ctx context.Context, m ledger.Message) (Receipt, error) {
	which := sha256.Sum256(append([]byte(m.Key+"\x00"+m.To+"\x00"), m.Body...))
	for again := false; ; again = true {
		id := c.sent.of(which, c.cfg.Now())
		if id == "" {
			var err error
			if id, err = c.UploadMedia(ctx, MediaImage, pictureName, bytes.NewReader(m.Body)); err != nil {
				return Receipt{}, err
			}
			c.sent.keep(which, id, c.cfg.Now())
		}
		body, err := encode(sendBody{ToUser: m.To, MsgType: "image", AgentID: c.cfg.AgentID, Image: &imageRef{id},
			CheckRepeats: 1, RepeatSeconds: int(uploadKept / time.Second)})
		if err != nil {
			return Receipt{}, fmt.Errorf("render a picture: %w", err)
		}
		r, err := c.send(ctx, m.To, body)
		lost := (*APIError)(nil)
		forgotten := errors.As(err, &lost) && (lost.Code == codeNoMedia || lost.Code == codeMediaExpired)
		if err == nil || forgotten {
			c.sent.drop(which)
		}
		if !forgotten || again {
			return r, err
		}
	}
}

// uploads are the media_ids of pictures on their way. The zero value is ready.
type uploads struct {
	mu  sync.Mutex
	ids map[[sha256.Size]byte]uploaded
}

type uploaded struct {
	mediaID string
	at      time.Time
}

// uploadKept is the longest interval in which WeCom knows a request again (wecom/90236), and well within a medium's three days.
const uploadKept = 4 * time.Hour

func (u *uploads) of(which [sha256.Size]byte, now time.Time) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if x, ok := u.ids[which]; ok && now.Sub(x.at) < uploadKept {
		return x.mediaID
	}
	return ""
}

func (u *uploads) keep(which [sha256.Size]byte, mediaID string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ids == nil {
		u.ids = map[[sha256.Size]byte]uploaded{}
	}
	for other, x := range u.ids { // those that were never sent
		if now.Sub(x.at) >= uploadKept {
			delete(u.ids, other)
		}
	}
	u.ids[which] = uploaded{mediaID, now}
}

func (u *uploads) drop(which [sha256.Size]byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.ids, which)
}
