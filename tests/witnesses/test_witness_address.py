"""Where a witness is: read whole, refused by name, and never shown with its password."""

from pathlib import Path

import pytest

from seemachine.witnesses.address import Location, folder_of, is_url, parse, with_password

SECRET = "s3cret"  # what no sentence may hold
PLAIN = Location("me", "", "db", 5432, "seemachine")


@pytest.mark.parametrize(
    ("where", "read"),
    [
        ("postgresql://me@db", PLAIN),
        ("postgres://me@db:5432/seemachine", PLAIN),
        ("PostgreSQL://me@db/", PLAIN),
        ("postgresql://db", Location("seemachine", "", "db", 5432, "seemachine")),
        ("postgresql://me:pw@db:6432/other", Location("me", "pw", "db", 6432, "other")),
        (
            "postgresql://m%40e:p%2Fa%3Ass%25@db/o%20ther",
            Location("m@e", "p/a:ss%", "db", 5432, "o ther"),
        ),
        ("postgresql://me@[::1]:1/x", Location("me", "", "::1", 1, "x")),
        (
            "postgresql://me@db?sslmode=verify-ca",
            Location("me", "", "db", 5432, "seemachine", "verify-ca"),
        ),
        (
            "postgresql://me@db/x?sslmode=require&sslrootcert=/a/ca.crt&passfile=/b",
            Location("me", "", "db", 5432, "x", "require", "/a/ca.crt", "/b"),
        ),
    ],
)
def test_what_is_read(where, read):
    """Every part of it, with the defaults of what is left out."""
    assert parse(where) == read


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (f"postgresql:/me:{SECRET}@db/x", "begins neither"),
        (f"postgresql:me:{SECRET}@db", "begins neither"),
        (f"redis://me:{SECRET}@db", "begins neither"),
        (f"postgresqls://me:{SECRET}@db", "begins neither"),
        (f"postgresql://me:{SECRET}/more@db/x", "%2F"),
        (f"postgresql://me:{SECRET}?more@db/x", "%3F"),
        (f"postgresql://me:{SECRET}#more@db/x", "%23"),
        (f"postgresql://me:{SECRET}@more@db/x", "%40"),
        (f"postgresql://me:{SECRET}:more@db/x", "%3A"),
        (f"postgresql://me:{SECRET}%zz@db/x", "two hexadecimal digits"),
        (f"postgresql://me:{SECRET} @db/x", "without blanks"),
        (f"postgresql://me:{SECRET}\n@db/x", "without blanks"),
        ("postgresql://me:@db/x", "empty password"),
        (f"postgresql://me:{SECRET}@db:port/x", "a port up to 65535"),
        (f"postgresql://me:{SECRET}@db:70000/x", "a port up to 65535"),
        (f"postgresql://me:{SECRET}@db:0/x", "one host"),
        (f"postgresql://me:{SECRET}@one,two/x", "one host"),
        (f"postgresql://me:{SECRET}@one:1,two:2/x", "one host"),
        (f"postgresql://me:{SECRET}@/x", "one host"),
        (f"postgresql://me:{SECRET}@[::1/x", "one host"),
        (f"postgresql://me:{SECRET}@db/x/y", "one database"),
        (f"postgresql://me:{SECRET}@db/x#y", "%23"),
        (f"postgresql://me@db/x?password={SECRET}", "no option 'password' .*PGPASSWORD"),
        (f"postgresql://me:{SECRET}@db/x?host=/run", "no option 'host'"),
        (f"postgresql://me:{SECRET}@db/x?sslmode", "sslmode as one of"),
        (f"postgresql://me:{SECRET}@db/x?sslmode=prefer", "not 'prefer'"),
        (f"postgresql://me:{SECRET}@db/x?SSLMODE=require", "no option 'SSLMODE'"),
        (f"postgresql://me:{SECRET}@db/x?sslmode=require&sslmode=disable", "once"),
        (f"postgresql://me:{SECRET}@db/x?sslrootcert=ca.crt", "absolute path"),
    ],
)
def test_what_is_refused(where, why):
    """With a sentence that says what would be right, and not the password."""
    assert is_url(where)
    with pytest.raises(ValueError, match=why) as refused:
        parse(where)

    assert SECRET not in str(refused.value)


def test_no_text_of_an_address_has_its_password():
    """Neither the one for people nor the one for programmers."""
    address = parse(f"postgresql://me:{SECRET}@[::1]/x")

    assert str(address) == "postgresql://me@[::1]:5432/x"
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    ("where", "mode"),
    [
        ("localhost", "disable"),
        ("127.0.0.1", "disable"),
        ("[::1]", "disable"),
        ("db", "verify-full"),
        ("db?sslmode=disable", "disable"),
    ],
)
def test_tls_unless_it_is_this_host(where, mode):
    """A database elsewhere has to prove who it is, unless the URL says otherwise."""
    assert parse(f"postgresql://{where}").mode == mode


def test_folders(tmp_path):
    """What has no scheme is a folder; relative ones are in the world; one that looks like a URL is
    given as ./...
    """
    assert not any(map(is_url, ("", "there", "/mnt/a:b", "~/witness", "./postgresql:x", "../w")))
    assert folder_of("there", tmp_path) == tmp_path / "there"
    assert folder_of("/there", tmp_path) == Path("/there")
    assert folder_of("./postgresql:x", tmp_path) == tmp_path / "postgresql:x"


class TestPasswords:
    """Where a password comes from, in this order: the URL, $PGPASSWORD, a passfile."""

    @pytest.fixture
    def passfile(self, tmp_path):
        """One with an entry for others before ours, as PostgreSQL documents it (34.16)."""
        path = tmp_path / ".pgpass"
        path.write_text(
            "# comment\nother:5432:seemachine:me:wrong\nshort:line\n"
            "db:*:*:me:a\\:b\\\\c\n*:*:*:*:last\n"
        )
        path.chmod(0o600)
        return path

    def test_the_order(self, passfile):
        """What is nearer to the setting counts."""
        full = {"PGPASSWORD": "env", "PGPASSFILE": str(passfile)}

        assert with_password(parse("postgresql://me:url@db"), full).password == "url"
        assert with_password(PLAIN, full).password == "env"
        assert with_password(PLAIN, {"PGPASSFILE": str(passfile)}).password == "a:b\\c"
        assert with_password(PLAIN, {"HOME": str(passfile.parent)}).password == "a:b\\c"
        assert (
            with_password(parse(f"postgresql://you@db?passfile={passfile}"), {}).password == "last"
        )
        assert with_password(PLAIN, {}).password == ""
        assert with_password(PLAIN, {"HOME": str(passfile.parent / "nobody")}).password == ""

    def test_a_passfile_that_others_can_read(self, passfile):
        """It is refused."""
        passfile.chmod(0o640)
        with pytest.raises(ValueError, match="open to others; chmod 600 it"):
            with_password(PLAIN, {"PGPASSFILE": str(passfile)})

    def test_a_passfile_that_is_not_there(self, tmp_path):
        """Where it was chosen, it has to be there."""
        with pytest.raises(FileNotFoundError):
            with_password(PLAIN, {"PGPASSFILE": str(tmp_path / "none")})
