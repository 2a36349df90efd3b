"""Storages, what is in them, uploads, backups and tasks."""

import tempfile
from pathlib import Path

from node import NodeTest
from proxmoxer.tools import Tasks
from proxmoxer.tools.files import Files


class Storages(NodeTest):
    def setUp(self):
        self.local = self.node.storage("local")

    def volumes(self, **query):
        return {row["volid"]: row for row in self.local.content.get(**query)}

    def test_a_storage_is_defined_changed_and_removed(self):
        self.root.storage.post(storage="extra", type="dir", path="/srv/extra", content="iso,vztmpl")
        self.root.storage("extra").put(content="backup", nodes="pve1")
        defined = self.root.storage("extra").get()
        self.assertEqual((defined["content"], defined["nodes"], defined["path"]), ("backup", "pve1", "/srv/extra"))
        with self.refused(500, "storage ID 'extra' already defined"):
            self.root.storage.post(storage="extra", type="dir", path="/srv/extra")
        self.root.storage("extra").delete()
        with self.refused(500, "storage 'extra' does not exist"):
            self.root.storage("extra").get()

    def test_the_room_in_a_storage_is_told(self):
        status = self.local.status.get()
        self.assertEqual(status["active"], 1)
        self.assertEqual(status["total"], status["used"] + status["avail"])

    def test_a_volume_is_allocated_and_freed(self):
        volid = self.local.content.post(vmid=600, filename="vm-600-disk-0.qcow2", size="1G", format="qcow2")
        self.assertEqual(volid, "local:600/vm-600-disk-0.qcow2")
        self.assertEqual(self.volumes(vmid=600)[volid]["size"], 1 << 30)
        self.done(self.local.content(volid).delete())
        self.assertEqual(self.volumes(vmid=600), {})

    def test_a_file_is_uploaded(self):
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder, "small.iso")
            image.write_bytes(b"not much of an image" * 1000)
            with image.open("rb") as file:
                self.done(self.local.upload.post(content="iso", filename=file))
        self.assertEqual(self.volumes(content="iso")["local:iso/small.iso"]["size"], 20_000)
        self.done(self.local.content("local:iso/small.iso").delete())
        self.assertNotIn("local:iso/small.iso", self.volumes())

    def test_an_upload_is_held_against_its_checksum(self):
        files = Files(self.root, "pve1", "local")
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder, "checked.iso")
            image.write_bytes(b"an image")
            self.assertEqual(files.upload_local_file_to_storage(str(image))["exitstatus"], "OK")
            with image.open("rb") as file:
                upid = self.local.upload.post(
                    content="iso", filename=file, checksum="0" * 32, **{"checksum-algorithm": "md5"}
                )
        self.assertRegex(self.ended(upid), "^checksum mismatch: ")
        self.done(self.local.content("local:iso/checked.iso").delete())


class Backups(NodeTest):
    def test_a_container_is_backed_up_and_restored(self):
        ct = self.container(610, memory=192)
        self.comes_back("lxc", ct, {"ostemplate": "{}", "restore": 1}, 192)

    def test_a_machine_is_backed_up_and_restored(self):
        vm = self.machine(611, memory=320)
        self.comes_back("qemu", vm, {"archive": "{}"}, "320")

    def comes_back(self, kind, guest, restore, memory):
        vmid = guest.status.current.get()["vmid"]
        content = self.node.storage("local").content
        self.done(self.node.vzdump.post(vmid=vmid, storage="local", mode="stop", compress="zstd"))
        (backup,) = content.get(content="backup", vmid=vmid)
        volid = backup["volid"]
        self.assertRegex(volid, f"^local:backup/vzdump-{kind}-{vmid}-.*\\.zst$")
        content(volid).put(notes="keep me", protected=1)
        self.assertEqual(content(volid).get()["notes"], "keep me")
        guest.config.put(memory=1024)
        again = {key: value.format(volid) if value == "{}" else value for key, value in restore.items()}
        self.done(self.node(kind).post(vmid=vmid, force=1, storage="local", **again))
        self.assertEqual(guest.config.get()["memory"], memory)
        content(volid).put(protected=0)
        self.done(content(volid).delete())


class TaskLists(NodeTest):
    def test_a_task_leaves_a_log_and_an_entry(self):
        ct = self.container(620)
        upid = ct.status.start.post()
        self.done(upid)
        told = Tasks.decode_upid(upid)
        self.assertEqual((told["node"], told["type"], told["id"], told["user"]), ("pve1", "vzstart", "620", "root@pam"))
        self.assertIn("TASK OK", Tasks.decode_log(self.node.tasks(upid).log.get()))
        (row,) = [row for row in self.node.tasks.get(vmid=620, typefilter="vzstart") if row["upid"] == upid]
        self.assertEqual(row["status"], "OK")

    def test_a_failed_task_tells_why(self):
        reason = self.ended(self.node.lxc(9999).status.start.post())
        self.assertIn("Configuration file 'nodes/pve1/lxc/9999.conf' does not exist", reason)
