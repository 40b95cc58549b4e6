package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// LeafletLine is somebody whom a contact card names.
type LeafletLine struct{ Who, Name, Phone string }

// LeafletLines are whom an elder's contact card names on a day: visitor, helper, village, township, then whoever is entrusted with the
// care and the first of the family (002 五·加强联系).
func (r *Roster) LeafletLines(elderID string, on Day) []LeafletLine {
	e, ok := r.Elder(elderID)
	if !ok {
		return nil
	}
	var out []LeafletLine
	member := func(who string, users ...string) {
		for _, u := range users {
			if p, ok := r.people[u]; ok {
				out = append(out, LeafletLine{who, p.Name, p.Phone})
				return
			}
		}
	}
	member("巡访员", r.Visiting(elderID, on)...)
	member("帮扶人", r.Helping(elderID, on)...)
	for _, role := range []Role{RoleVillage, RoleTownship} {
		for _, p := range r.Holders(role, e.Region, on) {
			reg := r.At(e.Region, map[Role]Level{RoleVillage: LevelVillage, RoleTownship: LevelTownship}[role])
			out = append(out, LeafletLine{reg.Name, p.Name, p.Phone})
			break
		}
	}
	named := 0
	for _, carer := range []bool{true, false} {
		for _, k := range r.kin[elderID] {
			if k.Carer != carer || k.Dead != "" || named == 2 {
				continue
			}
			who := k.Relation
			if carer {
				who = strings.TrimSpace(who + " 受托照顾")
			}
			out = append(out, LeafletLine{who, k.Name, k.Phone})
			named++
		}
	}
	return out
}

// LeafletBears is a digest of what a contact card says: where it differs from that of the card out there, the card is made anew.
func (r *Roster) LeafletBears(elderID string, on Day) string {
	e, _ := r.Elder(elderID)
	h := sha256.New()
	for _, l := range append(r.LeafletLines(elderID, on), LeafletLine{e.Name, r.Place(e), ""}) {
		h.Write([]byte(l.Who + "\x00" + l.Name + "\x00" + l.Phone + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
