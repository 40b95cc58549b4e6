package papers_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/ledger/papers/papertest"
)

const today = ledger.Day("2026-03-20")

type tester interface {
	Helper()
	Fatal(...any)
}

func written(t tester, b ledger.Book) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := papers.Write(&file, b, today); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// readWhole reads a workbook that must be without faults.
func readWhole(t tester, raw []byte, known papers.Known) ledger.Book {
	t.Helper()
	b, faults, err := papers.Read(bytes.NewReader(raw), known)
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	return b
}

// TestWrittenBookReadsBackEqual goes over random books as import knows them: where nothing is known, and where all of it is.
func TestWrittenBookReadsBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := papertest.RandomBook(t, true)
		raw := written(t, b)
		if diff := gocmp.Diff(b, readWhole(t, raw, papers.Known{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		for _, e := range b.Elders {
			if !e.LostChild {
				b.Resets = append(b.Resets, ledger.Reset{ElderID: e.ID, Field: ledger.ResetLostChild})
			}
		}
		for _, k := range b.Kin {
			if !k.Carer {
				b.Resets = append(b.Resets, ledger.Reset{ElderID: k.ElderID, Kin: k.Name, Field: ledger.ResetCarer})
			}
		}
		if diff := gocmp.Diff(b, readWhole(t, raw, papers.KnownIn(b)), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestOrderOfRowsAndColumnsIsFree also goes through what other programs make of the file: shared strings, number cells.
func TestOrderOfRowsAndColumnsIsFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := papertest.RandomBook(t, true)
		got := readWhole(t, shuffled(t, written(t, b), rapid.Uint64().Draw(t, "seed")), papers.Known{})
		sortBook(&b)
		sortBook(&got)
		if diff := gocmp.Diff(b, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// shuffled is a workbook with the columns, the rows below the headings and the sheets in another order.
func shuffled(t tester, raw []byte, seed uint64) []byte {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 0))
	in, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out := excelize.NewFile()
	defer out.Close()
	names := in.GetSheetList()
	rnd.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		rows, err := in.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		order := rnd.Perm(len(rows[0]))
		body := rows[1:]
		rnd.Shuffle(len(body), func(i, j int) { body[i], body[j] = body[j], body[i] })
		for i, row := range rows {
			for j, to := range order {
				if j >= len(row) {
					continue
				}
				// As Excel does it; SetCellStr leaves it to the caller.
				cell, _ := excelize.CoordinatesToCellName(to+1, i+1)
				if err := out.SetCellStr(name, cell, strings.ReplaceAll(row[j], "_x", "_x005F_x")); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	var file bytes.Buffer
	if err := out.Write(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func sortBook(b *ledger.Book) {
	slices.SortFunc(b.Regions, func(x, y ledger.Region) int { return cmp.Compare(x.Code, y.Code) })
	slices.SortFunc(b.People, func(x, y ledger.Person) int { return cmp.Compare(x.UserID, y.UserID) })
	slices.SortStableFunc(b.Posts, func(x, y ledger.Post) int { return cmp.Compare(x.UserID, y.UserID) })
	slices.SortFunc(b.Elders, func(x, y ledger.Elder) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortStableFunc(b.Assignments, func(x, y ledger.Assignment) int { return cmp.Compare(x.ElderID, y.ElderID) })
	slices.SortFunc(b.Tierings, func(x, y ledger.Tiering) int { return cmp.Compare(x.ElderID, y.ElderID) })
	slices.SortFunc(b.Kin, func(x, y ledger.Kin) int {
		return cmp.Or(cmp.Compare(x.ElderID, y.ElderID), cmp.Compare(x.Name, y.Name))
	})
	slices.SortFunc(b.Pairs, func(x, y ledger.Pair) int {
		return cmp.Or(cmp.Compare(x.ElderID, y.ElderID), cmp.Compare(x.UserID, y.UserID), cmp.Compare(x.From, y.From))
	})
	slices.SortFunc(b.Standings, func(x, y ledger.Standing) int {
		return cmp.Or(cmp.Compare(x.ElderID, y.ElderID), cmp.Compare(x.From, y.From))
	})
}

// TestOneBadCellIsOneFaultThere spoils one cell of a good workbook.
func TestOneBadCellIsOneFaultThere(t *testing.T) {
	b := papers.Sample(today)
	b.Standings = []ledger.Standing{{ElderID: "A07", Kind: ledger.StandingPaused, From: "2026-02-01", To: "2026-02-20", Review: "2026-03-01"},
		{ElderID: "A07", Kind: ledger.StandingPaused, From: "2026-03-01", Review: "2026-05-30"}, {ElderID: "A08", Kind: ledger.StandingDied, From: "2026-03-02"}}
	raw := written(t, b)
	rapid.Check(t, func(t *rapid.T) {
		damage := rapid.SampledFrom([]struct{ sheet, column, value, wrong string }{
			{"区划", "代码", "6401 21", "中间有空格"}, {"区划", "名称", "-", "不能清空"}, {"区划", "名称", "", "名称没有填"}, {"区划", "级别", "街道", "不在可选的词里"},
			{"区划", "上级代码", "999999", "没有这个代码"},
			{"人员", "姓名", strings.Repeat("长", 65), "太长"}, {"人员", "手机", "12345", "不像电话"}, {"人员", "手机", "1390000000a", "不像电话"},
			{"人员", "区划代码", "999", "没有这个代码"}, {"人员", "区划代码", "", "没有区划代码"},
			{"老人", "姓名", "", "没有填"}, {"老人", "姓名", "看\x02不见", "控制字符"}, {"老人", "性别", "男性", "不在可选的词里"},
			{"老人", "身份证号", "11010519491231002", "位数不对"}, {"老人", "身份证号", "110105194912310021", "最后一位不对"},
			{"老人", "身份证号", "6.4012119550101E+17", "存成了数字"}, {"老人", "出生日期", "1948年3月", "只有年月"}, {"老人", "出生日期", "1948-02-30", "没有这一天"},
			{"老人", "出生日期", "1948", "只有年份"}, {"老人", "出生日期", "二十", "不像日期"}, {"老人", "出生日期", "1850-01-01", "和身份证号里的"},
			{"老人", "手机", "8012345", "不像电话"}, {"老人", "区划代码", "999", "没有这个代码"}, {"老人", "区划代码", "-", "不能清空"}, {"老人", "经度", "206.25", "不是合适的数"},
			{"老人", "纬度", "NaN", "不是合适的数"}, {"老人", "自理能力", "还行", "不在可选的词里"}, {"老人", "失独", "有", "不在可选的词里"}, {"老人", "级别", "重要", "不在可选的词里"},
			{"老人", "级别", "-", "不能清空"}, {"老人", "巡访员账号", "nobody", "没有这个账号"}, {"老人", "巡访员账号", "mali", "不是巡访员"},
			{"老人", "巡访员账号", "wangfang、WangFang", "写了两次"}, {"老人", "巡访员账号", "wangfang、-", "不像企业微信账号"}, {"老人", "同意书日期", "2026.13.1", "没有这一天"},
			{"家属", "老人编号", "Z9", "没有这个编号"}, {"家属", "姓名", "", "没有填"}, {"家属", "受托照顾人", "1", "不在可选的词里"},
			{"帮扶", "老人编号", "", "没有填"}, {"帮扶", "帮扶人账号", "nobody", "没有这个账号"}, {"帮扶", "结束日期", "1999-01-01", "比开始日期早"},
			{"状态", "老人编号", "Z9", "没有这个编号"}, {"状态", "状态", "出差", "不在可选的词里"}, {"状态", "开始日期", "", "没有填"}, {"状态", "结束日期", "2026-01-31", "比开始日期早"},
		}).Draw(t, "damage")
		f, err := excelize.OpenReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := f.GetRows(damage.sheet)
		if err != nil {
			t.Fatal(err)
		}
		row := rapid.IntRange(2, len(rows)).Draw(t, "row")
		cell, _ := excelize.CoordinatesToCellName(slices.Index(rows[0], damage.column)+1, row)
		if err := f.SetCellStr(damage.sheet, cell, damage.value); err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := f.Write(&file); err != nil {
			t.Fatal(err)
		}
		_, faults, err := papers.Read(&file, papers.Known{})
		// A region whose code is spoilt is missed by everybody in it.
		if err != nil || len(faults) == 0 || damage.column != "代码" && len(faults) != 1 {
			t.Fatal(damage, err, faults)
		}
		if x := faults[0]; x.Sheet != damage.sheet || x.Cell != cell || !strings.Contains(x.Wrong, damage.wrong) || x.Want == "" {
			t.Fatalf("%+v at %s: %s", damage, cell, x)
		}
	})
}

// TestAnythingInACellIsAtMostAFault puts anything anywhere.
func TestAnythingInACellIsAtMostAFault(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, err := excelize.OpenReader(bytes.NewReader(written(t, papertest.RandomBook(t, true))))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for range rapid.IntRange(1, 8).Draw(t, "cells") {
			cell := fmt.Sprintf("%c%d", 'A'+rapid.IntRange(0, 25).Draw(t, "column"), rapid.IntRange(1, 9).Draw(t, "row"))
			if err := f.SetCellStr(rapid.SampledFrom(f.GetSheetList()).Draw(t, "sheet"), cell, rapid.String().Draw(t, "value")); err != nil {
				t.Fatal(err)
			}
		}
		var file bytes.Buffer
		if err := f.Write(&file); err != nil {
			t.Fatal(err)
		}
		_, faults, err := papers.Read(&file, papers.Known{})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range faults {
			if _, _, err := excelize.CellNameToCoordinates(x.Cell); err != nil || x.Sheet == "" || x.Wrong == "" || x.Want == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}
