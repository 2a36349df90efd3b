"""Ways in: passwords, tickets and tokens."""

import os

from node import NodeTest, login
from proxmoxer import AuthenticationError, ResourceException


class Login(NodeTest):
    def test_a_password_buys_a_ticket_and_a_token_against_forgery(self):
        ticket, prevention = self.root.get_tokens()
        self.assertTrue(ticket.startswith("PVE:root@pam:"))
        self.assertIn(":", prevention)
        self.assertEqual(self.root.version.get()["release"].split(".")[0], "9")

    def test_a_ticket_is_good_instead_of_a_password(self):
        again = login(password=self.root.get_tokens()[0])
        self.assertEqual([node["node"] for node in again.nodes.get()], ["pve1"])

    def test_a_wrong_password_is_refused(self):
        with self.assertRaisesRegex(AuthenticationError, "401"):
            login(password="guessed")

    def test_the_token_of_the_server_may_do_what_root_may(self):
        whose, secret = os.environ["PHOENIX_TOKEN"].split("=")
        user, name = whose.split("!")
        token = login(user, token_name=name, token_value=secret)
        self.assertIn("local", [storage["storage"] for storage in token.storage.get()])
        token.pools.post(poolid="by-token")
        token.pools("by-token").delete()

    def test_a_wrong_token_is_refused(self):
        wrong = login(token_name="phoenix", token_value="00000000-0000-0000-0000-000000000000")
        with self.refused(401):
            wrong.version.get()

    def test_what_the_node_does_not_have_is_not_implemented(self):
        with self.assertRaises(ResourceException) as caught:
            self.root("no/such/path").get()
        self.assertEqual(caught.exception.status_code, 501)
        self.assertEqual(caught.exception.content, "Method 'GET /no/such/path' not implemented")
