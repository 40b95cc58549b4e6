package ledger

import "time"

// ReviewKind is the sign that made somebody's records worth a second look (002 七(三); requirements §3 case 18).
type ReviewKind string

const (
	ReviewBurst  ReviewKind = "burst"  // many records within an hour
	ReviewCopied ReviewKind = "copied" // one text for many elders
	ReviewReused ReviewKind = "reused" // one photo for several records
	ReviewHaste  ReviewKind = "haste"  // door visits too close together for the way between them
)

// Review is a sign that deserves a second look by the township: the facts, never a verdict. Nothing about it is public, and
// nobody is ranked by it. It names no elder but by the records' numbers.
type Review struct {
	Key     string     // kind, person and day: one flag however many records
	Kind    ReviewKind //
	UserID  string     // whose records
	Day     Day        // on which they were entered
	Numbers []string   // of the records
	Facts   string     // in words for the township: "9:02–9:58 记了43次,间隔多在20秒左右"
	Answer  string     // what the person said about it, "" nothing yet: 纸质补录 | 一次走访多户 | 误操作 | …
	State   ReviewState
	By      string // userid who looked at it
	At      time.Time
}

// ReviewState is where a review stands.
type ReviewState string

const (
	ReviewOpen    ReviewState = "open"
	ReviewCleared ReviewState = "cleared" // looked at: nothing to object to
	ReviewKept    ReviewState = "kept"    // looked at: to be talked about in person; it decides nothing by itself
)

// Reviewed is something said about a review: by the person whose records they are, or by who looked at it.
type Reviewed struct {
	Key    string      // the review's
	Answer string      // "" leaves it
	State  ReviewState // "" leaves it
	By     string
}
