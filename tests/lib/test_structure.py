"""The checks of tests/structure on a small tree: each finds what it is there for, and nothing in a tree that is good."""
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "structure"))
import handlers  # noqa: E402
import hardening  # noqa: E402
import libraries  # noqa: E402
import sources  # noqa: E402

# The rows of tables stand in comments, as here is nothing that they could be of.
GOOD = {
    "README.md": "See docs/rules.md.\n```\nlibcommon: base node service\nservices/authd: wallet\nservices/stored:\n```\n",
    "docs/rules.md": "`libcommon/base/text.c`, and tests/unit/<subject>_test.c.\n",
    "docs/architecture.md": "| key | `services/authd/wallet/key.c` | what it does |\n",
    "libcommon/base/text.h": "int text(void);\n",
    "libcommon/base/text.c": '#include "libcommon/base/text.h"\nint text(void) { return 1; }\n',
    "libcommon/node/operations.h": "    OPERATION(token_get, token, x) \\\n    OPERATION(status_get, status, x)\n"
                                   "    EVENT(token_wanted, x) \\\n    EVENT(nobody_listens, x)\n    COMMAND(start, x)\n",
    "libcommon/service/service.c": "void service_handle_status_get(void)\n{\n}\n"
                                   "/* {OPERATION_status_get, service_handle_status_get} */\n",
    "services/authd/wallet/key.c": '#include "libcommon/base/text.h"\nint key(void) { return text(); }\n',
    "services/authd/main.c": "int key(void);\nint main(void) { return key(); }\n"
                             "/* {OPERATION_token_get, authd_handle_token_get}, [COMMAND_start] = authd_handle_start */\n",
    "services/authd/authd.c": "void authd_handle_token_get(void)\n{\n}\nvoid authd_handle_start(void)\n{\n}\n",
    "services/stored/main.c": "/* {EVENT_token_wanted,\n    stored_handle_token_wanted} */\n",
    "services/stored/stored.c": "void stored_handle_token_wanted(void)\n{\n}\n",
    "tests/unit/key_test.c": "",
}


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="posemesh-structure.")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.build = self.root / "build"
        for name, text in GOOD.items():
            self.write(name, text)

    def write(self, name, text, mode="w"):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, mode) as file:
            file.write(text)

    def append(self, name, text):
        self.write(name, text, "a")

    def compile(self):
        """Objects where CMake leaves them."""
        for folder in {path.parent for path in sources.production_files(self.root)}:
            objects = self.build / folder.relative_to(self.root) / "CMakeFiles" / "x.dir"
            objects.mkdir(parents=True)
            for path in folder.glob("*.c"):
                subprocess.run(["cc", f"-I{self.root}", "-c", path, "-o", objects / f"{path.name}.o"], check=True)

    def found(self, check):
        return check(self.root, self.build)


class Sources(Tree):
    def test_a_good_tree_has_no_fault(self):
        self.compile()
        for check in (sources.sources_without_object, sources.circles_of_includes, sources.circles_of_symbols,
                      sources.folders_out_of_order, sources.services_that_know_each_other, sources.long_files,
                      sources.named_files_that_are_not_there, sources.machines_without_test, handlers.missing):
            self.assertEqual(self.found(check), [], check.__name__)

    def test_a_circle_of_includes(self):
        self.append("libcommon/base/text.h", ' # include "libcommon/node/operations.h"\n')
        self.append("libcommon/node/operations.h", '#include "libcommon/base/text.h"\n')
        self.assertEqual(self.found(sources.circles_of_includes), ["circle: libcommon/base/text, libcommon/node/operations"])

    def test_a_circle_of_calls(self):
        self.append("libcommon/base/text.c", "int key(void);\nint again(void) { return key(); }\n")
        self.compile()
        self.assertEqual(self.found(sources.circles_of_symbols), ["circle: libcommon/base/text, services/authd/wallet/key"])

    def test_an_include_against_the_order(self):
        self.append("libcommon/base/text.h", '#include "libcommon/node/operations.h"\n')
        self.assertEqual(self.found(sources.folders_out_of_order),
                         ["libcommon/base/text includes libcommon/node/operations, whose folder comes later"])

    def test_a_call_against_the_order(self):
        self.append("libcommon/base/text.c", "int key(void);\nint again(void) { return key(); }\n")
        self.compile()
        self.assertEqual(self.found(sources.folders_out_of_order),
                         ["libcommon/base/text calls services/authd/wallet/key, whose folder comes later"])

    def test_an_include_of_a_folder_that_is_not_in_the_order(self):
        for other in ("tests/devnet/store", "libcommon/util/store", "store"):
            with self.subTest(other):
                self.write("libcommon/base/text.h", f'#include "{other}.h"\n')
                self.assertEqual(self.found(sources.folders_out_of_order),
                                 [f"libcommon/base/text includes {other}, whose folder is not in the order"])

    def test_a_function_of_the_same_name_in_another_program_is_not_the_one_that_is_called(self):
        self.write("tests/devnet/key.c", "int key(void) { return 2; }\nint main(void) { return key(); }\n")
        self.compile()
        self.assertEqual(self.found(sources.folders_out_of_order), [])

    def test_a_folder_that_readme_does_not_name_and_one_that_is_not_there(self):
        self.write("libcommon/more/more.h", "")
        self.write("README.md", GOOD["README.md"].replace("wallet", "wallet login"))
        self.assertEqual(self.found(sources.folders_out_of_order),
                         ["README.md does not name libcommon/more", "README.md names services/authd/login, and it has no sources"])

    def test_services_that_know_each_other(self):
        self.append("services/stored/stored.c", '#include "services/authd/wallet/key.h"\n')
        self.assertEqual(self.found(sources.services_that_know_each_other), ["services/stored/stored uses services/authd/wallet/key"])

    def test_a_source_that_is_not_built(self):
        self.assertEqual(self.found(sources.sources_without_object), [f"{self.build} has no objects: build it first"])
        sources.symbol_graph.cache_clear()
        self.compile()
        self.write("libcommon/base/late.c", "")
        self.assertEqual(self.found(sources.sources_without_object), [f"libcommon/base/late.c has no object in {self.build}"])

    def test_a_file_that_is_too_long(self):
        for name in ("libcommon/base/text.c", "libcommon/base/text.h", "tests/unit/key_test.c", "tests/devnet/devnet.h"):
            with self.subTest(name):
                self.write(name, "\n" * 450)
                self.assertEqual(self.found(sources.long_files), [])
                self.append(name, "\n")
                self.assertEqual(self.found(sources.long_files), [f"{name} has 451 lines"])
                self.write(name, "")

    def test_a_document_that_names_what_is_not_there(self):
        self.append("docs/rules.md", "(`services/authd/wallet/key.c:12`), build/tests/x.log, services/authd/key.c and ../tests/none.\n")
        self.append("README.md", "[rules](docs/none.md)\n")
        self.assertEqual(self.found(sources.named_files_that_are_not_there),
                         ["README.md names docs/none.md, and there is none", "docs/rules.md names services/authd/key.c, and there is none"])

    def test_a_machine_without_a_test(self):
        self.append("docs/architecture.md", "| text | `services/authd/authd.c` | x |\n| none | `services/authd/none.c` | x |\n")
        self.write("tests/unit/none_test.c", "")
        self.assertEqual(self.found(sources.machines_without_test),
                         ["services/authd/authd.c has no tests/unit/authd_test.c", "there is no services/authd/none.c"])


class Handlers(Tree):
    """There is no .git: the sources are all that it takes."""

    def test_a_handler_that_stands_in_no_table(self):
        self.append("services/stored/stored.c", "void stored_handle_unlisted(void)\n{\n}\n")
        self.assertEqual(self.found(handlers.missing), ["stored_handle_unlisted stands in no table"])

    def test_a_name_with_no_handler_or_with_two(self):
        self.append("libcommon/node/operations.h", "    OPERATION(token_drop, done, x)\n")
        self.append("services/stored/stored.c", "void stored_handle_start(void)\n{\n}\n")
        self.assertEqual(self.found(handlers.missing), ["stored_handle_start stands in no table", "OPERATION_token_drop has 0 handlers",
                                                        "COMMAND_start has 2 handlers"])

    def test_a_row_with_a_function_of_another_name(self):
        for function in ("authd_give_token", "authd_handle_token", "stored_handle_token_get"):
            with self.subTest(function):
                self.write("services/authd/main.c", GOOD["services/authd/main.c"].replace("authd_handle_token_get", function))
                self.assertIn(f"services/authd/main.c: OPERATION_token_get has {function}, not authd_handle_token_get",
                              self.found(handlers.missing))

    def test_a_row_whose_function_stands_in_another_folder(self):
        self.write("services/stored/stored.c", "")
        self.append("services/authd/authd.c", "void stored_handle_token_wanted(void)\n{\n}\n")
        self.assertEqual(self.found(handlers.missing), [
            "services/stored/main.c: EVENT_token_wanted has stored_handle_token_wanted, and services/stored does not define it"])

    def test_the_command_that_is_shown_finds_the_handler(self):
        shown = subprocess.run(handlers.find_command("token_get"), cwd=self.root, capture_output=True, text=True, check=True).stdout
        self.assertEqual(shown, "services/authd/authd.c:1:void authd_handle_token_get(void)\n")


class Libraries(Tree):
    def program(self, name, *options):
        (self.build / "bin").mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-x", "c", "-", "-o", self.build / "bin" / name, *options], input="int main(void) { return 0; }",
                       text=True, check=True)

    def of_program(self, name):
        return [fault for fault in self.found(libraries.surprising_libraries) if fault.startswith(name + " ")]

    def test_a_program_that_is_not_built(self):
        self.assertEqual(self.of_program("posemesh-job-shim"), ["posemesh-job-shim is not built"])

    def test_a_library_that_is_not_expected(self):
        self.program("posemesh-job-shim")
        self.assertEqual(self.of_program("posemesh-job-shim"), [])
        self.program("posemesh-job-shim", "-Wl,--no-as-needed", "-lm")
        self.assertEqual(self.of_program("posemesh-job-shim"), ["posemesh-job-shim loads m"])

    def test_a_program_that_the_table_does_not_know(self):
        self.program("posemesh-stranger")
        self.assertEqual(self.of_program("posemesh-stranger"), ["posemesh-stranger is built, and no libraries are expected of it"])

    def test_what_ldd_cannot_read_is_no_program_without_libraries(self):
        self.program("posemesh-job-shim", "-static", "-nostdlib", "-e", "main")
        self.assertRaises(subprocess.CalledProcessError, self.found, libraries.surprising_libraries)


class Hardening(Tree):
    """A program as the build makes it, and one with a single thing left out."""
    MACHINE = [*hardening.FLAGS_OF_MACHINE.get(platform.machine(), {}), *(["-Wl,-z,shstk"] if platform.machine() == "x86_64" else [])]
    HARD = ["-O2", "-g", "-fPIE", "-pie", "-fstack-protector-strong", "-fstack-clash-protection", "-U_FORTIFY_SOURCE",
            "-D_FORTIFY_SOURCE=3", "-Wl,-z,relro,-z,now,-z,noexecstack", *MACHINE]

    def faults(self, *options, without=None):
        (self.build / "bin").mkdir(parents=True, exist_ok=True)
        (self.build / "compile_commands.json").write_text("cc -D_FORTIFY_SOURCE=3 x.c")
        hard = [option for option in self.HARD if option != without]
        subprocess.run(["cc", *hard, *options, "-x", "c", "-", "-o", self.build / "bin" / "x"], text=True, check=True,
                       input='#include <stdio.h>\nint main(int n, char **words) { return printf(words[0], n); }')
        return self.found(hardening.soft_programs)

    def test_what_is_built_with_all_of_it(self):
        self.assertEqual(self.faults(), [])

    def test_what_lacks_one(self):
        for option, words in (("-no-pie", "no position-independent"), ("-Wl,-z,lazy", "BIND_NOW"), ("-Wl,-z,norelro", "RELRO"),
                              ("-Wl,-z,execstack", "can be executed"), ("-D_FORTIFY_SOURCE=0", "FORTIFY"),
                              ("-fno-stack-clash-protection", "-fstack-clash-protection"), ("-g0", "no debug information")):
            with self.subTest(option):
                faults = self.faults(*(["-U_FORTIFY_SOURCE"] if "FORTIFY" in option else []), option)
                self.assertTrue(any(words in fault for fault in faults), faults)

    def test_what_lacks_what_its_machine_has(self):
        for option in self.MACHINE:
            with self.subTest(option):
                self.assertEqual(len(self.faults(without=option)), 1)

    def test_a_build_that_asks_for_less_fortification(self):
        self.faults()
        (self.build / "compile_commands.json").write_text("cc -D_FORTIFY_SOURCE=2 x.c")
        self.assertEqual(self.found(hardening.soft_programs), ["the build does not ask for FORTIFY 3"])


if __name__ == "__main__":
    unittest.main()
