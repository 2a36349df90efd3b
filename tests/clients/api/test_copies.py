"""Snapshots, clones and templates, of containers and of virtual machines."""

from node import NodeTest


class Snapshots(NodeTest):
    def test_a_container_goes_back_to_a_snapshot(self):
        # A volume in a plain directory cannot be snapshotted.
        ct = self.container(300, rootfs="btr:1", memory=128)
        self.goes_back(ct, 128)

    def test_a_machine_goes_back_to_a_snapshot(self):
        vm = self.machine(301, scsi0="local:1,format=qcow2", memory=256)
        self.goes_back(vm, "256")

    def goes_back(self, guest, memory):
        self.done(guest.snapshot.post(snapname="before", description="the old state"))
        guest.config.put(memory=512)
        names = {row["name"]: row for row in guest.snapshot.get()}
        self.assertEqual(set(names), {"before", "current"})
        self.assertEqual(names["current"]["parent"], "before")
        self.done(guest.snapshot("before").rollback.post())
        self.assertEqual(guest.config.get()["memory"], memory)
        guest.snapshot("before").config.put(description="renamed")
        self.assertEqual(guest.snapshot("before").config.get()["description"].strip(), "renamed")
        self.done(guest.snapshot("before").delete())
        self.assertEqual([row["name"] for row in guest.snapshot.get()], ["current"])

    def test_a_storage_without_snapshots_says_so(self):
        ct = self.container(302, rootfs="local:1")
        self.assertEqual(self.ended(ct.snapshot.post(snapname="before")), "snapshot feature is not available")


class Clones(NodeTest):
    def test_a_container_is_copied(self):
        ct = self.container(310, cores=1)
        self.addCleanup(self.remove, "lxc", 311)
        self.done(ct.clone.post(newid=311, hostname="copy", full=1))
        config = self.node.lxc(311).config.get()
        self.assertEqual((config["hostname"], config["cores"]), ("copy", 1))
        self.assertIn("local:311/", config["rootfs"])

    def test_a_machine_is_copied(self):
        vm = self.machine(312)
        self.addCleanup(self.remove, "qemu", 313)
        self.done(vm.clone.post(newid=313, name="copy", full=1))
        self.assertEqual(self.node.qemu(313).config.get()["name"], "copy")

    def test_a_template_of_a_container_is_cloned_and_never_started(self):
        ct = self.container(314, rootfs="btr:1")
        self.assertIsNone(ct.template.post())
        self.eventually(lambda: ct.config.get().get("template") == 1)
        self.addCleanup(self.remove, "lxc", 315)
        self.done(ct.clone.post(newid=315, hostname="copy"))
        self.done(self.node.lxc(315).status.start.post())
        with self.refused(500, "you can't convert a template to a template"):
            ct.template.post()

    def test_a_template_of_a_machine_is_cloned(self):
        vm = self.machine(316, scsi0="local:1,format=qcow2")
        self.done(vm.template.post())
        self.assertEqual(vm.config.get()["template"], 1)
        self.addCleanup(self.remove, "qemu", 317)
        self.done(vm.clone.post(newid=317, name="linked"))
        self.assertIn("base-316-disk-0", self.node.qemu(317).config.get()["scsi0"])
        self.done(self.node.qemu(317).status.start.post())

    def test_the_id_of_a_clone_must_be_free(self):
        ct = self.container(318)
        self.container(319)
        with self.refused(500, "319"):
            ct.clone.post(newid=319)
