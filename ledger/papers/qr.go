package papers

import (
	"fmt"

	"github.com/skip2/go-qrcode"
)

// qrSide is the picture's width in pixels: a phone's screen shows it whole.
const qrSide = 480

// QR is a code alone, as a PNG.
func QR(link string) ([]byte, error) {
	b, err := qrcode.Encode(link, qrcode.Medium, qrSide)
	if err != nil {
		return nil, fmt.Errorf("draw a code: %w", err)
	}
	return b, nil
}
