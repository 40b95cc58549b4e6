package wecom

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/silenceper/wechat/v2/util"
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
