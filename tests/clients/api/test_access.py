"""Users, groups, roles, permissions and tokens; and what somebody with few rights is told."""

from node import NodeTest, login


class Access(NodeTest):
    def setUp(self):
        self.access = self.root.access

    def user(self, userid, **options):
        self.access.users.post(userid=userid, **options)
        self.addCleanup(self.access.users(userid).delete)

    def role(self, roleid, privs):
        self.access.roles.post(roleid=roleid, privs=privs)
        self.addCleanup(self.access.roles(roleid).delete)

    def test_a_user_is_made_changed_and_deleted(self):
        self.access.users.post(userid="eve@pve", email="eve@example.org", enable=1)
        self.access.users("eve@pve").put(comment="new", expire=0)
        user = self.access.users("eve@pve").get()
        self.assertEqual((user["email"], user["comment"], user["enable"]), ("eve@example.org", "new", 1))
        self.assertIn("eve@pve", [user["userid"] for user in self.access.users.get()])
        self.access.users("eve@pve").delete()
        with self.refused(500, "no such user ('eve@pve')"):
            self.access.users("eve@pve").get()

    def test_groups_have_members(self):
        self.access.groups.post(groupid="staff", comment="all of us")
        self.addCleanup(self.access.groups("staff").delete)
        self.user("fay@pve", groups="staff")
        self.assertEqual(self.access.groups("staff").get()["members"], ["fay@pve"])
        self.assertEqual(self.access.users("fay@pve").get()["groups"], ["staff"])
        with self.refused(500, "group 'staff' already exists"):
            self.access.groups.post(groupid="staff")

    def test_roles_are_made_of_privileges(self):
        self.role("Watcher", "VM.Audit,VM.PowerMgmt")
        self.access.roles("Watcher").put(privs="VM.Console", append=1)
        self.assertEqual(
            self.access.roles("Watcher").get(), {"VM.Audit": 1, "VM.Console": 1, "VM.PowerMgmt": 1}
        )
        with self.refused(400, "invalid privilege 'VM.Nonsense'"):
            self.access.roles.post(roleid="Broken", privs="VM.Nonsense")
        with self.refused(500, "auto-generated role 'PVEAdmin' cannot be deleted"):
            self.access.roles("PVEAdmin").delete()

    def test_permissions_are_given_and_taken(self):
        self.user("gus@pve")
        entry = {"path": "/vms/777", "roles": "PVEVMUser", "users": "gus@pve"}
        self.access.acl.put(**entry)
        wanted = {"path": "/vms/777", "roleid": "PVEVMUser", "ugid": "gus@pve", "type": "user", "propagate": 1}
        self.assertIn(wanted, self.access.acl.get())
        self.assertIn("VM.PowerMgmt", self.access.permissions.get(userid="gus@pve", path="/vms/777")["/vms/777"])
        self.access.acl.put(**entry, delete=1)
        self.assertNotIn(wanted, self.access.acl.get())

    def test_a_user_with_few_rights_is_told_which_are_missing(self):
        ct = self.container(400)
        self.container(401)
        self.user("hal@pve", password="hal-password")
        self.role("Keeper", "VM.Audit,VM.PowerMgmt")
        self.access.acl.put(path="/vms/400", roles="Keeper", users="hal@pve")
        hal = login("hal@pve", password="hal-password")
        self.assertEqual([row["vmid"] for row in hal.cluster.resources.get(type="vm")], [400])
        self.assertEqual([row["vmid"] for row in hal.nodes("pve1").lxc.get()], [400])
        self.done(hal.nodes("pve1").lxc(400).status.start.post())
        self.assertEqual(ct.status.current.get()["status"], "running")
        with self.refused(403, "Permission check failed (/vms/401, VM.Audit)"):
            hal.nodes("pve1").lxc(401).config.get()
        with self.refused(403, "Permission check failed (/vms/400, VM.Config."):
            hal.nodes("pve1").lxc(400).config.put(memory=1024)
        with self.refused(403, "Permission check failed (/vms/400, VM.Allocate)"):
            hal.nodes("pve1").lxc(400).delete()
        with self.refused(403, "Permission check failed (/pool/mine, Pool.Allocate)"):
            hal.pools.post(poolid="mine")
        self.assertEqual(hal.storage.get(), [])

    def test_a_token_has_no_more_rights_than_it_was_given(self):
        self.container(402)
        self.user("ida@pve")
        self.role("Reader", "VM.Audit")
        made = self.access.users("ida@pve").token("t1").post(privsep=1)
        self.assertEqual(made["full-tokenid"], "ida@pve!t1")
        self.access.acl.put(path="/vms/402", roles="Reader", users="ida@pve")
        ida = login("ida@pve", token_name="t1", token_value=made["value"])
        with self.refused(403, "Permission check failed (/vms/402, VM.Audit)"):
            ida.nodes("pve1").lxc(402).config.get()
        self.access.acl.put(path="/vms/402", roles="Reader", tokens="ida@pve!t1")
        self.assertEqual(ida.nodes("pve1").lxc(402).config.get()["hostname"], "ct402")
        self.access.users("ida@pve").token("t1").delete()
        with self.refused(401):
            ida.version.get()

    def test_passwords_are_changed(self):
        self.user("jim@pve", password="old-password")
        jim = login("jim@pve", password="old-password")
        jim.access.password.put(
            userid="jim@pve", password="new-password", **{"confirmation-password": "old-password"}
        )
        login("jim@pve", password="new-password").version.get()

    def test_realms_are_listed(self):
        self.assertEqual({realm["realm"] for realm in self.access.domains.get()}, {"pam", "pve"})
