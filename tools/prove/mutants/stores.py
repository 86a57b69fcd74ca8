"""OSS: what is a whole object, what is written, what is worth another try."""

from tools.prove.mutants.mutant import Mutant

_OSS = "tests/test_store_oss.py"
_STORE = "functions/fanlight/store_oss.py"
_REFUSALS = "functions/fanlight/refusals.py"

MUTANTS = (
    Mutant(
        "a body cut short is taken", _STORE,
        "    if len(data) != meta.size:\n", "    if False:\n",
        (_OSS,),
    ),
    Mutant(
        "a changed body is taken", _STORE,
        "    if expected and hashlib", "    if False and hashlib",
        (_OSS,),
    ),
    Mutant(
        "a version is an ETag alone", _STORE,
        'return f"{etag}-{size}-{last_modified}"', "return etag",
        (_OSS,),
    ),
    Mutant(
        "a 503 is for good", _REFUSALS,
        "if status >= 500 or code in _BUSY:", "if code in _BUSY:",
        (_OSS,),
    ),
    Mutant(
        "a wrong clock is for good", _REFUSALS,
        '"RequestTimeTooSkewed": TransientError,', "",
        (_OSS,),
    ),
    Mutant(
        "expired credentials are for good", _REFUSALS,
        '"SecurityTokenExpired": StaleCredentials,', "",
        (_OSS,),
    ),
    Mutant(
        "a lost connection is for good", _STORE,
        """                raise Unreachable(
                    f"oss://{self.name}/{key}: {self._endpoint} cannot""",
        """                raise KeyRefused(
                    f"oss://{self.name}/{key}: {self._endpoint} cannot""",
        (_OSS,),
    ),
    Mutant(
        "a missing bucket is a missing object", _STORE,
        '                if error.code in ("NoSuchKey", "", None):\n', "                if True:\n",
        (_OSS,),
    ),
    Mutant(
        "a refused first write counts as written", _STORE,
        '                if error.code == "FileAlreadyExists":\n                    return False\n',
        '                if error.code == "FileAlreadyExists":\n                    return True\n',
        (_OSS,),
    ),
    Mutant(
        "an overwrite is settled, whatever was lost", _STORE,
        "        if unanswered and not if_absent:\n", "        if False:\n",
        (_OSS,),
    ),
    Mutant(
        "a 500 leaves an overwrite settled", _STORE,
        "(error.status >= 500 and error.status != 503)", "False",
        (_OSS,),
    ),
    Mutant(
        "a lost connection leaves an overwrite settled", _STORE,
        "            except _NETWORK:\n                unanswered = True\n",
        "            except _NETWORK:\n",
        (_OSS,),
    ),
    Mutant(
        "expired credentials are tried again", "functions/fanlight/retry.py",
        "            except StaleCredentials:", "            except ZeroDivisionError:",
        ("tests/test_retry.py",),
    ),
    Mutant(
        "nothing is tried again in place", "functions/fanlight/retry.py",
        "except TransientError as error:\n", "except ZeroDivisionError as error:\n",
        ("tests/test_retry.py",),
    ),
)  # fmt: skip
