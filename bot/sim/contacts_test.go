package sim

import (
	"strings"
	"testing"
)

func TestRow70_UserGetTellsLittle(t *testing.T) {
	w := newWorld(t)
	r := w.get("user/get?userid=WANG").wants(0)
	wantIn(t, r.body, `"userid":"wang"`, `"name":"王志军"`, `"department":[3]`, `"is_leader_in_dept":[1]`, `"status":1`)
	for _, secret := range []string{"mobile", "avatar", "gender", "email", "biz_mail", "qr_code", "address", "13900000000"} {
		if strings.Contains(r.body, secret) {
			t.Errorf("%s is given away", secret)
		}
	}
	w.get("user/get?userid=nobody").wants(60111)
	w.get("user/get?userid=hidden").wants(60011)
	w.get("user/get?userid=child").wants(60111)
	w.get("user/get").wants(41009)
}

func TestContacts(t *testing.T) {
	w := newWorld(t)
	r := w.get("user/simplelist?department_id=2").wants(0) // not recursive, and the hidden one is not there
	wantIn(t, r.body, `"userlist":[{"userid":"MaYun","name":"马云霞","department":[2]}]`)
	w.get("user/simplelist?department_id=77").wants(60003)
	wantIn(t, w.get("user/simplelist?department_id=1").wants(0).body, `"userid":"li"`)

	r = w.get("department/list?id=2").wants(0)
	wantIn(t, r.body, `"department":[{"id":2,`, `{"id":3,"name":"望远村","department_leader":["wang"],"parentid":2`)
	wantIn(t, w.get("department/list").wants(0).body, `{"id":1,"name":"县","department_leader":[]`)
	wantIn(t, w.get("department/simplelist?id=3").wants(0).body, `"department_id":[{"id":3,"parentid":2,"order":0}]`)
	w.get("department/simplelist?id=77").wants(60003)
	wantIn(t, w.get("getcallbackip").wants(0).body, `"ip_list":["127.0.0.1","::1"]`)
	wantIn(t, w.get("get_api_domain_ip").wants(0).body, `"ip_list"`)
}
