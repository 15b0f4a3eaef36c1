import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.contacts.addresses import checked, find, is_phone, is_website, plain


@pytest.mark.parametrize(
    ("cell", "valid"),
    [
        ("info@a.example", ["info@a.example"]),
        ("Info@A.EXAMPLE", ["Info@a.example"]),
        ("a@x.example;b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example, b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example/b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example\nb@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example e b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example und b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example et b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example A@X.example", ["a@x.example"]),
        ("Anna Berg <anna@x.example>", ["anna@x.example"]),
        ('"info@x.example" <info@x.example>', ["info@x.example"]),
        ("Berg, Anna<anna@x.example>; Info <info@x.example>", ["anna@x.example", "info@x.example"]),
        ("info (at) x.example", ["info@x.example"]),
        ("info[at]x[dot]example", ["info@x.example"]),
        ("info(at)x(punkt)example", ["info@x.example"]),
        ("info @ x.example", ["info@x.example"]),
        ("mailto:info@x.example?subject=Hallo", ["info@x.example"]),
        ("E-Mail: info@x.example.", ["info@x.example"]),
        ("info@x.example (Sekretariat)", ["info@x.example"]),
        ("\u200binfo@x.example\u00a0", ["info@x.example"]),
        ("in\u00adfo＠x．example", ["info@x.example"]),
        ("„info@x.example“", ["info@x.example"]),
        ("info@grünau.example", ["info@xn--grnau-lva.example"]),
        ("bürger@x.example", ["bürger@x.example"]),
        ("o'brien@x.example", ["o'brien@x.example"]),
        ("a/b@x.example", ["a/b@x.example"]),
        ("info@x.test", ["info@x.test"]),
    ],
)
def test_every_address_is_found(cell: str, valid: list[str]) -> None:
    found = find(cell)
    assert (list(found.valid), found.invalid) == (valid, ())


@pytest.mark.parametrize(
    "cell",
    [
        "info@place",
        "info@.example",
        "in fo@@x.example",
        "first,last@x.example",
        "a;b,c@x.example",
        "jan_ jansen@x.example",
        "info@x.example/contact",
        "info@-x.example",
        ".info@x.example",
        "info@x.invalid",
        "info@x..example",
        "info@x_y.example",
    ],
)
def test_no_address_is_invented(cell: str) -> None:
    found = find(cell)
    assert found.valid == ()
    assert len(found.invalid) == 1


@pytest.mark.parametrize(
    "cell", ["", "-", "www.x.example", "https://x.example/@town", "0123 456789", "look at this"]
)
def test_nothing_meant_as_an_address(cell: str) -> None:
    assert find(cell).valid == find(cell).invalid == ()


def test_name_before_an_address() -> None:
    assert find("Anna  Berg <anna@x.example>").name == "Anna Berg"
    assert find("anna@x.example").name is None


def test_what_else_stands_in_the_mail_column() -> None:
    assert is_website("www.x.example")
    assert is_website("https://x.example/a?b")
    assert is_website("x.example")
    assert not is_website("no mail")
    assert is_phone("+32 2 555 12 34")
    assert is_phone("puh. 02 555 1234")
    assert not is_phone("12")


_LOCAL = st.text("ab.1-_+'/ü", min_size=1, max_size=12)
_DOMAIN = st.text("ab.1-xnü", min_size=1, max_size=16)
_ENDS = st.sampled_from(["", ".example", ".test", ".local", ".e", ".1", ".eu", ".invalid", ".arpa"])


@settings(max_examples=150)
@given(_LOCAL, _DOMAIN, _ENDS)
def test_valid_is_what_email_validator_says(local: str, domain: str, end: str) -> None:
    text = f"{local}@{domain}{end}"
    try:
        valid = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
        expected = f"{valid.local_part}@{valid.ascii_domain}"
    except EmailNotValidError:
        expected = None
    found = checked(text)
    if found != expected:
        # The library lets a bare "test" pass, as a domain without a dot.
        assert "." not in text.rpartition("@")[2]
    if plain(text) is not None:
        assert plain(text) == expected


_WORD = st.text("abcdefgh", min_size=1, max_size=6)
_ADDRESS = st.builds(lambda a, b: f"{a}@{b}.example", _WORD, _WORD)
_SEPARATOR = st.sampled_from([";", ", ", " / ", "\n", " und ", " e ", " et ", " & ", ";;", " ; "])


@given(
    st.lists(_ADDRESS, min_size=1, max_size=4),
    _SEPARATOR,
    st.sampled_from(["{}", " {}", "{}.", "<{}>", "\u200b{}"]),
)
def test_all_addresses_of_a_cell_and_no_other(written: list[str], separator: str, form: str) -> None:
    found = find(separator.join(form.format(address) for address in written))
    assert list(found.valid) == list(dict.fromkeys(written))
    assert found.invalid == ()


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for address in find(text).valid:
        assert checked(address) == address
