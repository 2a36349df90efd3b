"""Virtual machines: made, changed, moved through their life, and removed; and the agent inside."""

from node import NodeTest


class Machines(NodeTest):
    def test_a_machine_lives_from_creation_to_removal(self):
        vm = self.machine(200, cores=2, net0="virtio,bridge=vmbr0")
        self.done(vm.status.start.post())
        current = vm.status.current.get()
        self.assertEqual((current["status"], current["qmpstatus"], current["cpus"]), ("running", "running", 2))
        self.done(vm.status.stop.post())
        self.assertEqual(vm.status.current.get()["status"], "stopped")
        self.done(vm.delete(purge=1))
        with self.refused(500, "Configuration file 'nodes/pve1/qemu-server/200.conf' does not exist"):
            vm.config.get()

    def test_settings_are_changed_at_once_or_by_a_task(self):
        vm = self.machine(201)
        self.assertIsNone(vm.config.put(memory=512, description="made by a test"))
        self.done(vm.config.post(scsi1="local:2"))
        config = vm.config.get()
        self.assertEqual((config["memory"], config["description"]), ("512", "made by a test"))
        self.assertEqual(config["scsi1"], "local:201/vm-201-disk-1.raw,size=2G")

    def test_a_network_card_gets_an_address_and_keeps_it(self):
        vm = self.machine(202, net0="virtio,bridge=vmbr0,firewall=1")
        card = vm.config.get()["net0"]
        self.assertRegex(card, "^virtio=BC:24:11(:[0-9A-F]{2}){3},bridge=vmbr0,firewall=1$")
        vm.config.put(net0=card + ",tag=5")
        self.assertEqual(vm.config.get()["net0"], card + ",tag=5")

    def test_what_needs_a_restart_is_pending(self):
        vm = self.machine(203)
        self.done(vm.status.start.post())
        vm.config.put(cpu="host")
        pending = {row["key"]: row for row in vm.pending.get()}
        self.assertEqual(pending["cpu"]["pending"], "host")
        self.assertNotIn("cpu", vm.config.get(current=1))
        vm.config.put(revert="cpu")
        self.assertNotIn("cpu", vm.config.get())

    def test_a_disk_grows_moves_and_is_detached(self):
        vm = self.machine(204)
        self.done(vm.resize.put(disk="scsi0", size="+1G"))
        self.assertIn("size=2G", vm.config.get()["scsi0"])
        self.done(vm.move_disk.post(disk="scsi0", storage="btr", delete=1))
        self.assertTrue(vm.config.get()["scsi0"].startswith("btr:204/"))
        vm.unlink.put(idlist="scsi0")
        self.assertIn("unused0", vm.config.get())
        vm.unlink.put(idlist="unused0", force=1)
        self.assertNotIn("unused0", vm.config.get())

    def test_cloud_init_is_dumped_and_its_password_hidden(self):
        vm = self.machine(205, ide2="local:cloudinit", ciuser="op", cipassword="quite-secret", ipconfig0="ip=dhcp")
        self.assertEqual(vm.config.get()["cipassword"], "**********")
        self.assertIn("user: op", vm.cloudinit.dump.get(type="user"))

    def test_an_absent_agent_is_told_of(self):
        vm = self.machine(206, agent="enabled=1")
        with self.refused(500, "VM 206 is not running"):
            vm.agent.ping.post()
        self.done(vm.status.start.post())
        with self.refused(500, "QEMU guest agent is not running"):
            vm.agent.ping.post()
        with self.refused(500, "QEMU guest agent is not running"):
            vm.agent("exec").post(command="ls -l /")

    def test_a_machine_that_runs_is_not_removed(self):
        vm = self.machine(207)
        self.done(vm.status.start.post())
        with self.refused(500, "VM 207 is running - destroy failed"):
            vm.delete()
