"""The firewall of the cluster, of the node and of guests: options, rules, aliases, sets of addresses, groups."""

from node import NodeTest

SSH = {"type": "in", "action": "ACCEPT", "proto": "tcp", "dport": "22", "enable": 1, "comment": "ssh"}


class Firewall(NodeTest):
    def test_the_cluster_has_rules_aliases_and_sets(self):
        self.everything(self.root.cluster.firewall)

    def test_a_container_has_rules_aliases_and_sets(self):
        self.everything(self.container(700).firewall)

    def test_a_machine_has_rules_aliases_and_sets(self):
        self.everything(self.machine(701).firewall)

    def test_the_node_has_rules(self):
        self.rules(self.node.firewall)

    def everything(self, firewall):
        self.rules(firewall)
        self.aliases(firewall)
        self.sets(firewall)
        firewall.options.put(enable=1, policy_in="DROP")
        options = firewall.options.get()
        self.assertEqual((options["enable"], options["policy_in"]), (1, "DROP"))
        firewall.options.put(delete="enable,policy_in")
        self.assertNotIn("enable", firewall.options.get())

    def rules(self, firewall):
        firewall.rules.post(**SSH, source="10.0.0.0/8")
        firewall.rules.post(type="out", action="DROP", macro="Ping")
        # A new rule comes first, wherever it was wanted, and does nothing until it is enabled.
        first, second = firewall.rules.get()
        self.assertEqual((first["macro"], first["enable"], first["pos"]), ("Ping", 0, 0))
        self.assertEqual((second["dport"], second["source"], second["pos"]), ("22", "10.0.0.0/8", 1))
        firewall.rules("0").put(moveto=2)
        self.assertEqual([rule["type"] for rule in firewall.rules.get()], ["in", "out"])
        firewall.rules("0").put(comment="changed", delete="source")
        rule = firewall.rules("0").get()
        self.assertEqual(rule["comment"], "changed")
        self.assertNotIn("source", rule)
        with self.refused(500, "no rule at position 9"):
            firewall.rules("9").get()
        with self.refused(400, "unknown macro 'Nonsense'"):
            firewall.rules.post(type="in", action="ACCEPT", macro="Nonsense")
        with self.refused(500, "detected modified configuration"):
            firewall.rules("0").put(enable=0, digest="0" * 40)
        firewall.rules("1").delete()
        firewall.rules("0").delete()
        self.assertEqual(firewall.rules.get(), [])

    def aliases(self, firewall):
        firewall.aliases.post(name="Office", cidr="10.1.0.0/16", comment="us")
        (alias,) = firewall.aliases.get()
        self.assertEqual((alias["name"], alias["cidr"], alias["ipversion"]), ("Office", "10.1.0.0/16", 4))
        firewall.rules.post(type="in", action="ACCEPT", source="office")
        firewall.aliases("office").put(cidr="10.2.0.0/16", rename="Home")
        self.assertEqual([alias["name"] for alias in firewall.aliases.get()], ["Home"])
        firewall.rules("0").delete()
        firewall.aliases("home").delete()
        with self.refused(400, "no such alias"):
            firewall.aliases("home").get()

    def sets(self, firewall):
        firewall.ipset.post(name="friends", comment="welcome")
        firewall.ipset("friends").post(cidr="10.3.0.0/16")
        firewall.ipset("friends").post(cidr="10.3.9.9", nomatch=1)
        # The slash stands in the path as it is.
        firewall.ipset("friends")("10.3.0.0/16").put(comment="most of them")
        entries = {entry["cidr"]: entry for entry in firewall.ipset("friends").get()}
        self.assertEqual(entries["10.3.0.0/16"]["comment"], "most of them")
        self.assertEqual(entries["10.3.9.9"]["nomatch"], 1)
        with self.refused(400, "address '10.3.9.9' already exists"):
            firewall.ipset("friends").post(cidr="10.3.9.9")
        with self.refused(500, "IPSet 'friends' is not empty"):
            firewall.ipset("friends").delete()
        for cidr in entries:
            firewall.ipset("friends")(cidr).delete()
        firewall.ipset("friends").delete()
        self.assertNotIn("friends", [row["name"] for row in firewall.ipset.get()])

    def test_a_group_of_rules_is_used_by_a_guest(self):
        groups = self.root.cluster.firewall.groups
        groups.post(group="web", comment="for servers")
        groups("web").post(type="in", action="ACCEPT", proto="tcp", dport="80,443", enable=1)
        self.assertEqual(groups("web").get()[0]["dport"], "80,443")
        ct = self.container(702)
        ct.firewall.rules.post(type="group", action="web", iface="net0", enable=1)
        self.assertEqual(ct.firewall.rules("0").get()["action"], "web")
        with self.refused(500, "Security group 'web' is not empty"):
            groups("web").delete()
        groups("web")("0").delete()
        groups("web").delete()
        self.assertNotIn("web", [group["group"] for group in groups.get()])
