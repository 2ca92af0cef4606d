"""No rule without a mutation that it refuses."""
import unittest

import rule_case
import test_rules_login
import test_rules_multipart
import test_rules_robot
import test_rules_storage
import test_rules_tasks


class AllRules(unittest.TestCase):
    NOTED = {"callback-answer", "health-answer"}  # the network asks, the node answers: nothing to refuse

    def test_every_rule_has_a_mutation(self):
        self.assertTrue(test_rules_login and test_rules_multipart and test_rules_robot and test_rules_storage and test_rules_tasks)
        self.assertEqual(set(rule_case.STATUSES) - set(rule_case.BROKEN), self.NOTED)

    def test_names_are_stable_words(self):
        for name in rule_case.STATUSES:
            self.assertRegex(name, "^[a-z]+(-[a-z]+)+$")


if __name__ == "__main__":
    unittest.main()
