"""Containers: made, changed, moved through their life, and removed."""

from node import ALPINE, NodeTest


class Containers(NodeTest):
    def test_a_container_lives_from_creation_to_removal(self):
        ct = self.container(100, net0="name=eth0,bridge=vmbr0,ip=dhcp", cores=1)
        self.assertEqual(ct.status.current.get()["status"], "stopped")
        self.done(ct.status.start.post())
        current = ct.status.current.get()
        self.assertEqual((current["status"], current["name"], current["cpus"]), ("running", "ct100", 1))
        self.done(ct.status.shutdown.post(timeout=20))
        self.assertEqual(ct.status.current.get()["status"], "stopped")
        self.done(ct.delete(purge=1))
        with self.refused(500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist"):
            ct.config.get()

    def test_settings_are_changed_and_deleted(self):
        ct = self.container(101)
        ct.config.put(memory=512, onboot=1, tags="web,Blue", description="one\ntwo")
        config = ct.config.get()
        self.assertEqual((config["memory"], config["onboot"], config["tags"]), (512, 1, "blue;web"))
        self.assertEqual(config["description"], "one\ntwo\n")
        ct.config.put(delete="onboot,description")
        self.assertTrue({"onboot", "description"}.isdisjoint(ct.config.get()))

    def test_the_fields_of_a_network_card_come_back_in_order(self):
        ct = self.container(102)
        ct.config.put(net0="ip=10.0.0.5/24,bridge=vmbr0,name=eth0,firewall=1")
        fields = ct.config.get()["net0"].split(",")
        self.assertEqual(fields[:3], ["name=eth0", "bridge=vmbr0", "firewall=1"])
        self.assertEqual(fields[4:], ["ip=10.0.0.5/24", "type=veth"])
        self.assertRegex(fields[3], "^hwaddr=BC:24:11(:[0-9A-F]{2}){3}$")

    def test_a_write_that_rests_on_old_settings_is_refused(self):
        ct = self.container(103)
        seen = ct.config.get()["digest"]
        ct.config.put(memory=256, digest=seen)
        with self.refused(500, "detected modified configuration"):
            ct.config.put(memory=512, digest=seen)
        self.assertEqual(ct.config.get()["memory"], 256)

    def test_all_bad_parameters_are_told_at_once(self):
        with self.refused(400, "'memory'", "'cores'", "'nonsense'"):
            self.node.lxc.post(vmid=104, ostemplate=ALPINE, memory="much", cores=0, nonsense=1)

    def test_an_id_is_given_out_once(self):
        self.container(105)
        with self.refused(500, "CT 105 already exists on node 'pve1'"):
            self.node.lxc.post(vmid=105, ostemplate=ALPINE)
        self.assertNotEqual(self.root.cluster.nextid.get(), "105")
        with self.refused(400, "VM 105 already exists"):
            self.root.cluster.nextid.get(vmid=105)

    def test_a_disk_grows_and_never_shrinks(self):
        ct = self.container(106)
        self.done(ct.resize.put(disk="rootfs", size="+1G"))
        self.assertIn("size=2G", ct.config.get()["rootfs"])
        with self.refused(500, "unable to shrink disk size"):
            ct.resize.put(disk="rootfs", size="1G")

    def test_a_volume_is_added_and_moved_to_another_storage(self):
        ct = self.container(107)
        ct.config.put(mp0="local:2,mp=/data")
        self.assertIn("mp=/data", ct.config.get()["mp0"])
        self.done(ct.move_volume.post(volume="mp0", storage="btr", delete=1))
        self.assertTrue(ct.config.get()["mp0"].startswith("btr:107/"))

    def test_a_container_that_runs_is_not_removed(self):
        ct = self.container(108)
        self.done(ct.status.start.post())
        with self.refused(500, "unable to destroy CT 108 - container is running"):
            ct.delete()
        with self.refused(500, "CT 108 already running"):
            ct.status.start.post()

    def test_a_protected_container_is_not_removed(self):
        ct = self.container(109)
        ct.config.put(protection=1)
        with self.refused(500, "can't remove CT 109 - protection mode enabled"):
            ct.delete()
        ct.config.put(protection=0)
