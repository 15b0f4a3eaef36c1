"""Write the made-up contact lists of ``contacts/``: run it from the root of the repository after a change.

Every municipality and address is invented; the faults are those that real lists have.
"""

from __future__ import annotations

import csv
import datetime
import io
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import xlsxwriter

Rows = list[list[str]]

_BE: Rows = [
    ["Naam / Nom", "NIS-code", "Gewest", "Taal", "E-mail", "Burgemeester", "Inwoners"],
    ["Molenbeke-aan-de-Leie", "41901", "Vlaanderen", "nl", "info@molenbeke-leie.example", "", "18 402"],
    [
        "Sint-Goriksveld",
        "23951",
        "Vlaanderen",
        "nl",
        "gemeente@sint-goriksveld.example",
        "An Peeters",
        "9 816",
    ],
    [
        "Zandhoven-Dijk",
        "35931",
        "Vlaanderen",
        "Nederlands",
        "info@zandhoven-dijk.example / secretariaat@zandhoven-dijk.example",
        "",
        "12 077",
    ],
    ["Oud-Kasterlo", "13951", "Vlaanderen", "nl", "onthaal (at) oud-kasterlo.example", "", "7 530"],
    [
        "Fontaine-les-Prés",
        "52951",
        "Wallonie",
        "fr",
        "commune@fontaine-les-pres.example",
        "Luc Delvaux",
        "8 240",
    ],
    ["Saint-Aubry", "91951", "Wallonie", "fr", "www.saint-aubry.example", "", "3 118"],
    [
        "Commune de Roche-sur-Semoy",
        "84951",
        "Wallonie",
        "français",
        "administration@roche-semoy.example",
        "",
        "4 655",
    ],
    ["Haut-Marais", "57951", "Wallonie", "fr", "info@haut-marais.example", "", "11 902"],
    ["Grünthal", "63951", "Wallonie", "de", "info@gruenthal.example", "", "5 641"],
    ["Bad Ourtal", "63952", "Wallonie", "Deutsch", "gemeinde@bad-ourtal.example", "", "3 377"],
    [
        "Elzenbeek / Aulnois-Ville",
        "21951",
        "Brussel/Bruxelles",
        "fr/nl",
        "info@elzenbeek.example",
        "",
        "47 210",
    ],
    [
        "Sint-Goriksveld",
        "23951",
        "Vlaanderen",
        "nl",
        "gemeente@sint-goriksveld.example",
        "An Peeters",
        "9 816",
    ],
    ["Totaal", "", "", "", "", "", "131 968"],
]
_FI: Rows = [
    ["Kuntanumero", "Kunta", "Kommun", "Maakunta", "Kieli", "Sähköposti", "Väkiluku"],
    ["003", "Hiidenkoski", "", "Pohjois-Savo", "suomi", "kirjaamo@hiidenkoski.example", "6 120"],
    ["017", "Kuusilampi", "", "Kainuu", "suomi", "kirjaamo@kuusilampi.example", "2 904"],
    [
        "24",
        "Yläjärvi",
        "",
        "Pirkanmaa",
        "suomi",
        "kirjaamo@ylajarvi.example; info@ylajarvi.example",
        "14 388",
    ],
    ["031", "Rantasaari", "Strandö", "Uusimaa", "suomi/ruotsi", "kirjaamo@rantasaari.example", "21 455"],
    ["038", "Vänäs", "Vänäs", "Pohjanmaa", "ruotsi/suomi", "registrator@vanas.example", "5 210"],
    ["052", "Norrskata", "Norrskata", "Ahvenanmaa", "ruotsi", "kommunen@norrskata.example", "611"],
    ["066", "Honkaperän kunta", "", "Lappi", "suomi", "KIRJAAMO@HONKAPERA.EXAMPLE", "3 018"],
    ["071", "Suvikylä", "", "Satakunta", "suomi", "puh. 02 555 1234", "1 877"],
    [
        "085",
        "Koivusalmi",
        "Björksund",
        "Varsinais-Suomi",
        "suomi/ruotsi",
        "maija.salmela@koivusalmi.example",
        "8 932",
    ],
    ["066", "Honkaperä", "", "Lappi", "suomi", "kirjaamo@honkapera.example", "3 018"],
    ["Yhteensä", "", "", "", "", "", "67 427"],
]
_DE: Rows = [
    ["Verzeichnis der Gemeinden, Stand 01.10.2025", "", "", "", "", ""],
    ["", "", "", "", "", ""],
    ["AGS", "Stadt/Gemeinde", "Bundesland", "E-Mail", "Bürgermeister/in", "Einwohner"],
    ["9999101", "Stadt Musterau", "Bayern", "stadt@stadt-musterau.example", "Sabine Öttl", "23.418"],
    ["9999102", "Gemeinde Oberlindach", "Bayern", "poststelle@oberlindach.example", "", "4.207"],
    ["08999103", "Weißenfurt", "Baden-Württemberg", "info@weissenfurt.example", "Jörg Kübler", "11.930"],
    ["08999104", "Bad Föhrental", "Baden-Württemberg", "rathaus(at)bad-foehrental.example", "", "8.655"],
    [
        "03999105",
        "Südermoor",
        "Niedersachsen",
        "info@suedermoor.example und buergermeister@suedermoor.example",
        "",
        "6.112",
    ],
    ["05999106", "Hüttenrath", "Nordrhein-Westfalen", "www.huettenrath.example", "", "31.077"],
    ["14999107", "Großlöbnitz", "Sachsen", "stadtverwaltung@grossloebnitz.example", "", "9.840"],
    [
        "01999108",
        "Kleinwiek",
        "Schleswig-Holstein",
        "Gemeinde Kleinwiek <amt@kleinwiek.example>",
        "",
        "1.276",
    ],
    [
        "1999109",
        "Osterhallig",
        "Schleswig-Holstein",
        "jan.petersen@osterhallig.example",
        "Jan Petersen",
        "388",
    ],
    ["16999110", "Rödenthal", "Thüringen", "info@roedenthal.example.", "", "5.004"],
    ["07999111", "Nahebrück", "Rheinland-Pfalz", "info@nahebrueck", "", "3.521"],
    ["05999106", "Hüttenrath", "Nordrhein-Westfalen", "rathaus@huettenrath.example", "", "31.077"],
    ["Insgesamt: 11 Gemeinden", "", "", "", "", ""],
]
_FR: Rows = [
    ["code_insee", "nom_commune", "departement", "adresse", "adresse_courriel", "site_internet"],
    [
        "1901",
        "Mairie de Vauxbelin",
        "Ain",
        '[{"complement1": "", "numero_voie": "1 place de la Mairie", "code_postal": "01999"}]',
        "mairie@vauxbelin.example",
        '[{"libelle": "", "valeur": "https://www.vauxbelin.example"}]',
    ],
    [
        "14901",
        "Sainte-Honorine-des-Ormes",
        "Calvados",
        '[{"numero_voie": "2 rue de l\'Église"}]',
        "mairie@sainte-honorine-ormes.example",
        "",
    ],
    [
        "2A901",
        "Poggiolu",
        "Corse-du-Sud",
        '[{"numero_voie": "Lieu-dit A Funtana"}]',
        "mairie.poggiolu@poggiolu.example",
        "",
    ],
    [
        "33901",
        "LA CHAPELLE-SUR-DORNE",
        "Gironde",
        '[{"numero_voie": "5 avenue du Général, bât. B"}]',
        "contact@chapelle-dorne.example;mairie@chapelle-dorne.example",
        "",
    ],
    ["38901", "Montfleury-le-Haut", "Isère", "", "mailto:accueil@montfleury.example", ""],
    [
        "44901",
        "Saint-Brévalan",
        "Loire-Atlantique",
        '[{"numero_voie": "Hôtel de ville"}]',
        "https://www.saint-brevalan.example/contact",
        "",
    ],
    [
        "59901",
        "Wandebecque",
        "Nord",
        '[{"numero_voie": "12 Grand\'Place"}]',
        "",
        "https://wandebecque.example",
    ],
    [
        "67901",
        "Hohenkirsch",
        "Bas-Rhin",
        '[{"numero_voie": "7 rue Principale"}]',
        "mairie@hohenkirsch.example",
        "",
    ],
    [
        "81901",
        "Castelmauran",
        "Tarn",
        '[{"numero_voie": "Place Jean-Jaurès"}]',
        "dgs@castelmauran.example",
        "",
    ],
    [
        "97901",
        "Anse-Colibri",
        "Guadeloupe",
        '[{"numero_voie": "Rue du Bord-de-Mer"}]',
        "mairie@anse-colibri.example",
        "",
    ],
    [
        "67901",
        "Hohenkirsch",
        "Bas-Rhin",
        '[{"numero_voie": "7 rue Principale"}]',
        "mairie@hohenkirsch.example",
        "",
    ],
]
_GR: Rows = [
    ["Α/Α", "Δήμος", "Περιφέρεια", "Ηλεκτρονικό ταχυδρομείο", "Δήμαρχος", "Πληθυσμός"],
    ["1", "Δήμος Λευκοπηγής", "Κεντρική Μακεδονία", "info@lefkopigi.example", "", "12.340"],
    ["2", "Δήμος Αγίας Θάλασσας", "Κρήτη", "dimos@agia-thalassa.example", "Ελένη Μαυρίδου", "8.120"],
    [
        "3",
        "Δήμος Πλατανορέματος",
        "Ήπειρος",
        "protokollo@platanorema.example, dimarxos@platanorema.example",
        "",
        "5.877",
    ],
    ["4", "Δήμος Νέας Αμυγδαλιάς", "Θεσσαλία", "grammateia@nea-amygdalia.example", "", "21.006"],
    ["5", "Δήμος Κυανής Ακτής", "Νότιο Αιγαίο", "www.kyani-akti.example", "", "3.415"],
    ["6", "Δήμος Ορεινού Ελατώνα", "Στερεά Ελλάδα", "info@elatonas.example", "", "2.208"],
    ["7", "Δήμος Παλαιόμυλου", "Πελοπόννησος", "2710 555 000", "", "4.930"],
    ["8", "Δήμος Χρυσοβρύσης", "Δυτική Ελλάδα", "dimos@chrysovrysi.example", "", "16.702"],
    ["Σύνολο", "", "", "", "", "74.598"],
]
_BG: Rows = [
    ["№", "Община", "Област", "Електронна поща", "Кмет", "Население"],
    ["1", "Белокамен", "Пловдив", "obshtina@belokamen.example", "Иван Стоянов", "14 205"],
    [
        "2",
        "Община Горна Липница",
        "Велико Търново",
        "kmet@gorna-lipnica.example; obshtina@gorna-lipnica.example",
        "",
        "6 318",
    ],
    ["3", "Златна поляна", "Стара Загора", "info@zlatna-polyana.example", "", "9 744"],
    ["4", "Долно Езерце", "Бургас", "delovodstvo@dolno-ezertse.example", "", "11 590"],
    ["5", "Черни връх", "Монтана", "www.cherni-vrah.example", "", "3 027"],
    ["6", "Самоков дол", "София", "obshtina[at]samokov-dol.example", "", "5 466"],
    ["7", "Ясенова", "Русе", "m.georgieva@yasenova.example", "Мария Георгиева", "7 812"],
    ["8", "Бистришка река", "Благоевград", "info@bistrishka.example", "", "4 101"],
    ["3", "Златна поляна", "Стара Загора", "info@zlatna-polyana.example", "", "9 744"],
    ["", "Общо", "", "", "", "62 263"],
]
_NL: Rows = [
    ["Adressenlijst gemeenten 2025"],
    ["Bron: leden van de vereniging (verzonnen)"],
    [],
    ["Gemeentecode", "Gemeente", "Provincie", "E-mail algemeen", "E-mail griffie", "Inwoners"],
    ["17", "Waterveen", "Groningen", "gemeente@waterveen.example", "griffie@waterveen.example", "10120"],
    ["91", "Oosterwolde aan Zee", "Fryslân", "info@oosterwolde-zee.example", "", "26344"],
    ["199", "Heidelo", "Gelderland", "info@heidelo.example", "griffie@heidelo.example", "15876"],
    ["361", "Noorddijkerland", "Noord-Holland", "gemeente@noorddijkerland.example", "", "33410"],
    [
        "502",
        "Gemeente Merwesluis",
        "Zuid-Holland",
        "info@merwesluis.example",
        "www.merwesluis.example",
        "48205",
    ],
    ["655", "'s-Hertogenveld", "Zeeland", "info@hertogenveld.example ; kcc@hertogenveld.example", "", "7903"],
    ["788", "Lage Kempen", "Noord-Brabant", "www.lagekempen.example", "", "22817"],
    ["899", "Maasheuvel", "Limburg", "info@maasheuvel.example", "", "12566"],
    [
        "1990",
        "Nieuw Polderland",
        "Flevoland",
        "info@nieuw-polderland.example",
        "griffie@nieuw-polderland.example",
        "61038",
    ],
    [],
    ["Totaal", "", "", "", "", "238279"],
]
_SE: Rows = [
    ["Kommunkod", "Kommun", "Län", "E-post", "Kontaktperson", "Roll", "Folkmängd"],
    ["0190", "Björkholms kommun", "Stockholms län", "kommun@bjorkholm.example", "", "", "41250"],
    ["0391", "Älvsunda kommun", "Uppsala län", "info@alvsunda.example", "", "", "17804"],
    ["0690", "Granforsa kommun", "Jönköpings län", "registrator@granforsa.example", "", "", "9320"],
    [
        "1090",
        "Åbroby kommun",
        "Blekinge län",
        "kommunen@abroby.example, kundcenter@abroby.example",
        "",
        "",
        "12877",
    ],
    [
        "1390",
        "Västerskär kommun",
        "Hallands län",
        "karin.lind@vasterskar.example",
        "Karin Lind",
        "Digitaliseringschef",
        "28116",
    ],
    ["1790", "Sjönäs kommun", "Värmlands län", "https://sjonas.example", "", "", "6044"],
    ["2190", "Norrtjärn kommun", "Gävleborgs län", "norrtjarn.kommun@norrtjarn.example", "", "", "8733"],
    ["2590", "Fjällmo kommun", "Norrbottens län", "kommun@fjallmo.example", "", "", "3185"],
    ["0690", "Granforsa kommun", "Jönköpings län", "registrator@granforsa.example", "", "", "9320"],
    ["Summa", "", "", "", "", "", "127329"],
]
_IE: Rows = [
    ["Local Authority", "County", "Email", "Chief Executive", "Population"],
    ["Ballyrowan County Council", "Ballyrowan", "info@ballyrowan.example", "", "76,400"],
    ["Kilnamona City Council", "Kilnamona", "customerservice@kilnamona-city.example", "", "112,850"],
    ["Carrickmoyle County Council", "Carrickmoyle", "secretary@carrickmoyle.example", "", "64,210"],
    [
        "Dunlaragh County Council",
        "Dunlaragh",
        "info@dunlaragh.example; corporate@dunlaragh.example",
        "",
        "98,004",
    ],
    [
        "Comhairle Contae Ghleann Dara",
        "Gleann Dara",
        "eolas@gleanndara.example",
        "Niamh Ní Bhriain",
        "41,377",
    ],
    ["Rathbeg County Council", "Rathbeg", "www.rathbeg.example", "", "58,960"],
    ["Inishcorr County Council", "Inishcorr", "sean.walsh@inishcorr.example", "Seán Walsh", "33,128"],
    ["Mountaven County Council", "Mountaven", "info @ mountaven.example", "", "87,415"],
    ["Kilnamona City Council", "Kilnamona", "customerservice@kilnamona-city.example", "", "112,850"],
    ["Total", "", "", "", "572,344"],
]


def _csv(rows: Rows, encoding: str, delimiter: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode(encoding)


def _xlsx(rows: Rows) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": datetime.datetime(2025, 10, 1)})  # noqa: DTZ001 - same bytes every time
    sheet = book.add_worksheet("Gemeenten")
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            # Numbers as numbers, as a person types them: the codes lose their zeros.
            if cell.isdigit():
                sheet.write_number(line, column, int(cell))
            elif cell:
                sheet.write_string(line, column, cell)
    book.close()
    return out.getvalue()


_ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_ODS_NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def _ods(rows: Rows) -> bytes:
    lines = []
    for row in rows:
        cells = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
            if cell
            else "<table:table-cell/>"
            for cell in row
        )
        lines.append(f"<table:table-row>{cells}</table:table-row>")
    parts = {
        "mimetype": _ODS_TYPE,
        "content.xml": f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_ODS_NAMES} '
        'office:version="1.2"><office:body><office:spreadsheet><table:table table:name="Kommuner">'
        + "".join(lines)
        + "</table:table></office:spreadsheet></office:body></office:document-content>",
        "META-INF/manifest.xml": '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
        'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{_ODS_TYPE}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            # The standard wants the media type first and uncompressed.
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, (2025, 10, 1, 0, 0, 0)), text, method)
    return out.getvalue()


def lists() -> dict[str, bytes]:
    """Path below ``contacts/`` -> the bytes of the list."""
    return {
        "BE/gemeenten-communes.csv": _csv(_BE, "utf-8-sig", ";"),
        "BG/obshtini.csv": _csv(_BG, "cp1251", ";"),
        "DE/gemeinden.csv": _csv(_DE, "cp1252", ";"),
        "FI/kunnat.csv": _csv(_FI, "utf-8", "\t"),
        "FR/mairies.csv": _csv(_FR, "utf-8-sig", ","),
        "GR/dimoi.csv": _csv(_GR, "cp1253", ";"),
        "IE/local-authorities.csv": _csv(_IE, "utf-8", ","),
        "NL/gemeenten.xlsx": _xlsx(_NL),
        "SE/kommuner.ods": _ods(_SE),
    }


def main(root: Path) -> None:
    for name, data in lists().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "contacts")
