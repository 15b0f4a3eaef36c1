"""Write the made-up official list of ``contacts/official/``: run it from the root of the repository after a change.

It has the layout of Eurostat's workbook "Correspondence table LAU - NUTS": a sheet for each country, and holds the
municipalities of the sample contact lists, spelled as officials do, and a few more that no list can reach.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import xlsxwriter

NAME = "official/lau-sample.xlsx"
HEADER = (
    *("NUTS 3 CODE", "LAU CODE", "LAU NAME NATIONAL", "LAU NAME LATIN", "CHANGE (Y/N)", "POPULATION"),
    *("TOTAL AREA (m2)", "DEGURBA", "DEG CHANGE COMPARED TO LAST YEAR", "COASTAL AREA (yes/no)"),
)

Row = tuple[str, str, str, int, int, int]  # NUTS 3, code, name, population, area in m2, DEGURBA

BE: tuple[Row, ...] = (
    ("BE234", "41901", "Molenbeke-aan-de-Leie", 18402, 38200000, 2),
    ("BE241", "23951", "Sint-Goriksveld", 9816, 17900000, 2),
    ("BE211", "35931", "Zandhoven-Dijk", 12077, 40100000, 3),
    ("BE213", "13951", "Oud-Kasterlo", 7530, 51000000, 3),
    ("BE323", "52951", "Fontaine-les-Prés", 8240, 44300000, 3),
    ("BE353", "91951", "Saint-Aubry", 3118, 62500000, 3),
    ("BE345", "84951", "Roche-sur-Semoy", 4655, 118000000, 3),
    ("BE328", "57951", "Haut-Marais", 11902, 70400000, 2),
    ("BE336", "63951", "Grünthal", 5641, 97000000, 3),
    ("BE336", "63952", "Bad Ourtal", 3377, 108000000, 3),
    ("BE100", "21951", "Elzenbeek/Aulnois-Ville", 47210, 5600000, 1),
    ("BE100", "21952", "Saint-Berchem-aux-Tilleuls/Sint-Linden-Berkem", 31044, 3100000, 1),
    ("BE251", "31952", "Duinkerseke", 6204, 29900000, 3),
)
DE: tuple[Row, ...] = (
    ("DE211", "09999101", "Musterau", 23418, 61000000, 2),
    ("DE219", "09999102", "Oberlindach", 4207, 33000000, 3),
    ("DE112", "08999103", "Weißenfurt", 11930, 45000000, 2),
    ("DE128", "08999104", "Bad Föhrental", 8655, 52000000, 3),
    ("DE931", "03999105", "Südermoor", 6112, 70000000, 3),
    ("DEA23", "05999106", "Hüttenrath", 31077, 58000000, 2),
    ("DED2F", "14999107", "Großlöbnitz", 9840, 49000000, 3),
    ("DEF07", "01999108", "Kleinwiek", 1276, 12000000, 3),
    ("DEF07", "01999109", "Osterhallig", 388, 7000000, 3),
    ("DEG0J", "16999110", "Rödenthal", 5004, 41000000, 3),
    ("DEB17", "07999111", "Nahebrück", 3521, 19000000, 3),
    ("DE735", "06999112", "Neukirch", 2210, 23000000, 3),
    ("DED2C", "14999113", "Neukirch", 1874, 15000000, 3),
)
FI: tuple[Row, ...] = (
    ("FI1D2", "003", "Hiidenkoski", 6120, 910000000, 3),
    ("FI1D8", "017", "Kuusilampi", 2904, 1480000000, 3),
    ("FI197", "024", "Yläjärvi", 14388, 620000000, 2),
    ("FI1B1", "031", "Rantasaari/Strandö", 21455, 380000000, 2),
    ("FI195", "038", "Vänäs", 5210, 410000000, 3),
    ("FI200", "052", "Norrskata", 611, 160000000, 3),
    ("FI1D7", "066", "Honkaperä", 3018, 2950000000, 3),
    ("FI196", "071", "Suvikylä", 1877, 530000000, 3),
    ("FI1C1", "085", "Koivusalmi/Björksund", 8932, 700000000, 3),
    ("FI1D7", "093", "Tunturinperä", 1140, 5100000000, 3),
)
SHEETS = {"BE": BE, "DE": DE, "FI": FI}


def workbook() -> bytes:
    """The whole file."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.set_properties({"title": "Made-up municipalities", "created": datetime(2025, 10, 1, tzinfo=UTC)})
    overview = book.add_worksheet("Overview")
    overview.write(0, 0, "Made-up municipalities in the layout of Eurostat's LAU - NUTS correspondence table")
    overview.write_row(2, 0, ("Country", "Number of LAU"))
    for line, (country, rows) in enumerate(SHEETS.items(), 3):
        overview.write_row(line, 0, (country, len(rows)))
    for country, rows in SHEETS.items():
        sheet = book.add_worksheet(country)
        sheet.write_row(0, 0, HEADER)
        for line, (nuts, code, name, population, area, degurba) in enumerate(rows, 1):
            cells = (nuts, code, name, name, "no", population, area, degurba, "no", "no")
            sheet.write_row(line, 0, cells)
    book.close()
    return out.getvalue()


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "contacts"
    (root / NAME).parent.mkdir(parents=True, exist_ok=True)
    (root / NAME).write_bytes(workbook())
