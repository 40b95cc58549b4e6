package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/papers"
)

// press makes contact cards: their handles, and how they look.
type press interface {
	Handle(of string) string
	paper(l ledger.Leaflet) (png []byte, words string)
}

// leaflet is an elder's contact card as it would be made now, for whoever may see the elder.
func (b *Bot) leaflet(ctx context.Context, r *ledger.Roster, user, elderID string, today ledger.Day) (flows.Leaflet, bool) {
	return leafletOf(pressed{b, ctx, r, today}, r, user, elderID, today)
}

// pressed is the press of a turn.
type pressed struct {
	bot   *Bot
	ctx   context.Context // of the turn: a card is drawn in it
	r     *ledger.Roster
	today ledger.Day
}

func (p pressed) Handle(of string) string { return p.bot.Store.Handle(of) }

func (p pressed) paper(l ledger.Leaflet) (png []byte, words string) {
	paper := p.bot.Paper(p.ctx, p.r, l, p.today)
	png, err := paper.PNG(papers.SizeA4)
	if err != nil {
		p.bot.Log.Error("contact card not drawn", "err", err)
	}
	lines := []string{paper.Elder + " " + paper.Place + " 联系卡 " + paper.No}
	for _, l := range paper.Lines {
		lines = append(lines, strings.TrimSpace(l.Who+" "+l.Name+" "+l.Phone))
	}
	return png, strings.Join(lines, "\n")
}

func leafletOf(p press, r *ledger.Roster, user, elderID string, today ledger.Day) (flows.Leaflet, bool) {
	if user != "" && r.May(user, elderID, today).Sight == ledger.SightNone || left(r, elderID, today) {
		return flows.Leaflet{}, false
	}
	if _, ok := r.Elder(elderID); !ok {
		return flows.Leaflet{}, false
	}
	var out flows.Leaflet
	all := r.Leaflets(elderID)
	for _, l := range all {
		if l.Opens(today) && l.Issued >= out.Out.Issued {
			out.Out = l
		}
	}
	bears := r.LeafletBears(elderID, today)
	out.Changed = out.Out.Handle != "" && out.Out.Bears != bears
	out.Now = ledger.Leaflet{ElderID: elderID, Handle: p.Handle(fmt.Sprintf("leaflet/%s/%d", elderID, len(all)+1)), Issued: today, By: user, Bears: bears}
	show := out.Out
	if show.Handle == "" || out.Changed {
		show = out.Now
	}
	out.Picture = func() (png []byte, words string) { return p.paper(show) }
	return out, true
}

// Paper is what a contact card says: who is to be called, nothing of how the elder is (002 五·加强联系).
func (b *Bot) Paper(ctx context.Context, r *ledger.Roster, l ledger.Leaflet, today ledger.Day) papers.Leaflet {
	e, _ := r.Elder(l.ElderID)
	out := papers.Leaflet{Elder: e.Name, Place: r.Place(e), Issued: l.Issued, No: string(l.Issued[2:4]+l.Issued[5:7]+l.Issued[8:10]) + "-" + strings.ToUpper(l.Handle[:4]),
		Link: b.link(ctx, sceneCard, l.Handle), County: r.At(e.Region, ledger.LevelCounty).Name + "民政局"}
	for _, x := range r.LeafletLines(l.ElderID, today) {
		out.Lines = append(out.Lines, papers.LeafletLine{Who: x.Who, Name: x.Name, Phone: x.Phone})
	}
	return out
}

// Lives says whether an elder lives in a region or below it.
func Lives(r *ledger.Roster, e ledger.Elder, region string) bool {
	return slices.Contains(r.Path(e.Region), region)
}

// Leaflets are the contact cards of all elders that are meant, on paper. Those that are missing or out of date are made, in one edit.
func (b *Bot) Leaflets(ctx context.Context, by string, today ledger.Day, meant func(*ledger.Roster, ledger.Elder) bool) ([]papers.Leaflet, error) {
	r, err := b.Store.Roster(ctx)
	if err != nil {
		return nil, err
	}
	var made ledger.Book
	var show []ledger.Leaflet
	for _, e := range r.Elders() {
		if !meant(r, e) {
			continue
		}
		l, ok := b.leaflet(ctx, r, "", e.ID, today)
		switch {
		case !ok:
		case l.Out.Handle != "" && !l.Changed:
			show = append(show, l.Out)
		default:
			l.Now.By = by
			show = append(show, l.Now)
			made.Leaflets = append(made.Leaflets, l.Now)
			if l.Changed {
				made.Leaflets = append(made.Leaflets, ledger.Leaflet{ElderID: e.ID, Handle: l.Out.Handle, Revoked: today, Why: "换了新卡"})
			}
		}
	}
	if len(made.Leaflets) > 0 {
		if _, err := b.Store.SaveBook(ctx, ledger.Edit{Book: made, By: by, Why: "发联系卡", Today: today}); err != nil {
			return nil, err
		}
	}
	out := make([]papers.Leaflet, len(show))
	for i, l := range show {
		out[i] = b.Paper(ctx, r, l, today)
	}
	return out, nil
}
