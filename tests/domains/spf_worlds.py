"""Random worlds for the SPF doctor: a few names with records, addresses and mail servers that meet each other often."""

from hypothesis import strategies as st

from mailwright.dns import Zone

NAMES = [f"{name}.example" for name in "abcdef"]
FOUR = ["8.8.0.0/16", "8.8.8.0/24", "8.8.8.8", "8.8.4.0/22", "9.0.0.0/8", "9.9.9.9", "0.0.0.0/0", "8.8.8.8/31"]
SIX = ["2a00::/12", "2a00:1::/32", "2a00:1::5", "2a00:1:0:0::/64"]
IPS = ["8.8.8.8", "8.8.8.9", "8.8.4.4", "8.8.200.1", "9.9.9.9", "9.1.1.1", "10.0.0.1", "2a00:1::5", "2a00:2::1", "2b00::1"]

names = st.sampled_from(NAMES)
plain_terms = st.one_of(
    st.sampled_from(["a", "mx", "a/24", "mx//64", "a:gone.example", "mx:n.example", "exists:a.example", "exists:gone.example"]),
    st.sampled_from(FOUR).map("ip4:{}".format),
    st.sampled_from(SIX).map("ip6:{}".format),
    names.map("include:{}".format),
    names.map("a:{}".format),
    names.map("mx:{}".format),
)
qualified = st.builds("{}{}".format, st.sampled_from(["", "", "", "", "+", "-", "~", "?"]), plain_terms)
ends = st.sampled_from(
    ["", "-all", "~all", "?all", "+all", "redirect=b.example", "redirect=c.example", "-all redirect=d.example"]
)
wild_records = st.builds(lambda terms, end: " ".join(["v=spf1", *terms, end]).strip(), st.lists(qualified, max_size=5), ends)
kind_records = st.builds(
    lambda terms, end: " ".join(["v=spf1", *terms, end]).strip(),
    st.lists(plain_terms, max_size=4),
    st.sampled_from(["", "-all", "~all", "?all"]),
)


def worlds(records: st.SearchStrategy[str]) -> st.SearchStrategy[Zone]:
    """A record for most names; addresses and mail servers for some; one name that does not answer."""
    addresses = st.lists(st.sampled_from([ip for ip in IPS if ":" not in ip]), max_size=2)
    sixes = st.lists(st.sampled_from([ip for ip in IPS if ":" in ip]), max_size=1)
    hosts = st.lists(names.map("10 {}".format), max_size=3)
    one = st.fixed_dictionaries({}, optional={"TXT": records, "A": addresses, "AAAA": sixes, "MX": hosts})
    failing = st.sampled_from([{}, {}, {}, {"f.example": "*"}])
    return st.builds(lambda zone, failing: Zone.of(zone, failing=failing), st.dictionaries(names, one, min_size=3), failing)


@st.composite
def calm_worlds(draw: st.DrawFn, qualifiers: tuple[str, ...] = ("", "", "", "-", "~", "?")) -> Zone:
    """Worlds in which most records hold: every name has its records, and leads only to names behind it."""
    zone = {}
    for place, name in enumerate(NAMES):
        onward = NAMES[place + 1 :][:3]
        leading = [f"{kind}:{other}" for kind in ("include", "a", "mx") for other in onward]
        own = [*[f"ip4:{one}" for one in FOUR if one != "0.0.0.0/0"], *[f"ip6:{one}" for one in SIX], "a", "mx", "a:gone.example"]
        terms = st.builds("{}{}".format, st.sampled_from(qualifiers), st.sampled_from(own + leading * (place < 3)))
        all = draw(st.sampled_from(["", "-all", "~all", "?all", *[f"redirect={other}" for other in onward[:1]]]))
        zone[name] = {
            "TXT": " ".join(["v=spf1", *draw(st.lists(terms, max_size=4 if place < 2 else 2)), all]).strip(),
            "A": draw(st.sampled_from([ip for ip in IPS if ":" not in ip])),
            "AAAA": draw(st.sampled_from([ip for ip in IPS if ":" in ip])),
            "MX": f"10 {draw(names)}",
        }
    return Zone.of(zone)
