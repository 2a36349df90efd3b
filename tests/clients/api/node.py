"""The served node, and what every check of it needs: the ways in, a task awaited, a refusal expected."""

import contextlib
import os
import time
import unittest

from proxmoxer import ProxmoxAPI, ResourceException
from proxmoxer.tools import Tasks

ALPINE = "local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz"


def login(user="root@pam", **secret):
    """Goes in as `user` with a password, or with the name and the value of a token."""
    return ProxmoxAPI(
        os.environ["PROXMOX_HOST"],
        port=int(os.environ["PROXMOX_PORT"]),
        user=user,
        verify_ssl=os.environ["REQUESTS_CA_BUNDLE"],
        **secret,
    )


class NodeTest(unittest.TestCase):
    """A test with `root@pam` logged in. What it makes it registers for removal, so that tests need no order."""

    @classmethod
    def setUpClass(cls):
        cls.root = login(password=os.environ["PROXMOX_PASSWORD"])
        cls.node = cls.root.nodes("pve1")

    def ended(self, upid):
        """Waits for a task and returns how it ended."""
        status = Tasks.blocking_status(self.root, upid, timeout=60, polling_interval=0.1)
        self.assertIsNotNone(status, f"{upid} still runs")
        return status["exitstatus"]

    def done(self, upid):
        """Waits for a task, which must end well."""
        log = self.root.nodes("pve1").tasks(upid).log
        self.assertEqual(self.ended(upid), "OK", Tasks.decode_log(log.get(limit=500)))

    def eventually(self, holds):
        """Waits until something holds that no task tells of."""
        for _ in range(100):
            if holds():
                return
            time.sleep(0.1)
        self.fail("it does not come to hold")

    @contextlib.contextmanager
    def refused(self, status, *words):
        """Expects that the block is refused with `status` and that the refusal names all of `words`."""
        with self.assertRaises(ResourceException) as caught:
            yield
        self.assertEqual(caught.exception.status_code, status, caught.exception)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def container(self, vmid, **options):
        """Makes a container and sees to its removal; returns the calls of it."""
        options = {"rootfs": "local:1", "hostname": f"ct{vmid}", "memory": 128} | options
        self.done(self.node.lxc.post(vmid=vmid, ostemplate=ALPINE, **options))
        self.addCleanup(self.remove, "lxc", vmid)
        return self.node.lxc(vmid)

    def machine(self, vmid, **options):
        """Makes a virtual machine and sees to its removal; returns the calls of it."""
        options = {"name": f"vm{vmid}", "memory": 256, "scsi0": "local:1"} | options
        self.done(self.node.qemu.post(vmid=vmid, **options))
        self.addCleanup(self.remove, "qemu", vmid)
        return self.node.qemu(vmid)

    def remove(self, kind, vmid):
        """Removes a guest, stopped first, unless the test did that already."""
        here = [guest for guest in self.root.nodes("pve1")(kind).get() if int(guest["vmid"]) == vmid]
        if not here:
            return
        guest = self.root.nodes("pve1")(kind)(vmid)
        if here[0]["status"] == "running":
            self.done(guest.status.stop.post())
        self.done(guest.delete(purge=1))

    def guests(self, **wanted):
        """Returns the rows of guests in the cluster's resources whose fields are as `wanted`."""
        rows = self.root.cluster.resources.get(type="vm")
        return [row for row in rows if wanted.items() <= row.items()]
