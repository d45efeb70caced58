"""The release for the catalogues of the European Health Data Space: HealthDCAT-AP over DCAT-AP 3.0,
in Turtle. The document is the dataset, as the profile's own examples are; what must be there is
written in `healthdcat_shapes.ttl` and checked by `healthdcat_check`.

A field nobody filled is left out, and the shapes refuse the release by the name of that field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clearward.consent.vocabularies import DPV, dpv_terms
from clearward.products.record import Party
from clearward.releases.manifest import FileEntry
from clearward.releases.standards import policy, responsible
from clearward.releases.standards.card import PATIENT, Card, Field, Table
from clearward.releases.standards.turtle import about, document, iri, text, typed

NAME = "healthdcat.ttl"
PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "csvw": "http://www.w3.org/ns/csvw#",
    "cv": "http://data.europa.eu/m8g/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "dpv": DPV,
    "eli": "http://data.europa.eu/eli/ontology#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "healthdcatap": "http://healthdataportal.eu/ns/health#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
EU = "http://publications.europa.eu/resource/authority/"
HEALTH = "https://hdeu-dcat.data.health.europa.eu/resource/authority/"
PARQUET = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"
_DATATYPES = {"VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date"}

Said = list[tuple[str, str]]


def describe(card: Card) -> str:
    """A release as HealthDCAT-AP, before the day of its publication is known; see `issued`."""
    blocks = [about(iri(card.iri), "dcat:Dataset", [*_titles(card), *_terms(card), *_health(card)])]
    blocks += [*_parties(card), *_concepts(card), *_others(card)]
    blocks += [_distribution(card, table) for table in card.tables]
    blocks += [*_variables(card)]
    return document(PREFIXES, blocks)


def _titles(card: Card) -> Said:
    product, record = card.product, card.record
    return [
        *(("dct:title", text(product.title[lang], lang)) for lang in ("en", "zh")),
        *(("dct:description", text(product.description[lang], lang)) for lang in ("en", "zh")),
        ("dct:identifier", typed(card.iri, "xsd:anyURI")),
        ("dcat:version", text(card.version)),
        *(("dcat:keyword", text(word, "en")) for word in record.keywords),
        ("dct:temporal", _part(card, "period")),
    ]


def _terms(card: Card) -> Said:
    record = card.record
    said = [
        *(("dcatap:applicableLegislation", iri(law)) for law in record.legislation),
        *_each("dcat:theme", f"{EU}data-theme/", record.themes),
        *_each("dct:accessRights", f"{EU}access-right/", (record.access_rights,)),
        *_each("dct:type", f"{EU}dataset-type/", (record.dataset_type,)),
        *_each("dct:accrualPeriodicity", f"{EU}frequency/", (record.frequency,)),
        *_each("dct:spatial", f"{EU}country/", record.spatial),
        *_each("dct:language", f"{EU}language/", record.languages),
        ("odrl:hasPolicy", iri(f"{card.iri}#offer")),
        ("dct:provenance", _part(card, "provenance")),
        *(("dcat:distribution", _part(card, table.name)) for table in card.tables),
    ]
    parties = {"dct:publisher": "publisher", "dcat:contactPoint": "contact"}
    parties |= {"healthdcatap:hdab": "access_body"}
    return said + [
        (predicate, _part(card, name))
        for predicate, name in parties.items()
        if getattr(record, name).name
    ]


def _health(card: Card) -> Said:
    record = card.record
    people = next((table.rows for table in card.tables if table.entity == PATIENT), None)
    rows = [table.rows for table in card.tables if table.entity != "attrition"]
    counts = {
        "healthdcatap:numberOfRecords": None if None in rows else sum(filter(None, rows)),
        "healthdcatap:numberOfUniqueIndividuals": people,
    }
    return [
        *_each(
            "healthdcatap:healthCategory", f"{HEALTH}healthcategories/", record.health_categories
        ),
        *_each("healthdcatap:healthTheme", "", record.health_themes),
        *_each("healthdcatap:hasCodingSystem", f"{HEALTH}coding-system/", record.coding_systems),
        *(
            (name, typed(n, "xsd:nonNegativeInteger"))
            for name, n in counts.items()
            if n is not None
        ),
        *_words("healthdcatap:populationCoverage", record.population),
        *(("dpv:hasPurpose", iri(term)) for p in card.product.purposes for term in dpv_terms(p)),
        *([("dpv:hasLegalBasis", _part(card, "legal-basis"))] if record.legal_basis else []),
        ("healthdcatap:hasVariables", _part(card, "variables")),
        *([("adms:sample", _part(card, "sample"))] if card.has_sample else []),
    ]


def _parties(card: Card) -> Iterator[str]:
    record = card.record
    for name in ("publisher", "access_body"):
        party: Party = getattr(record, name)
        if party.name:
            kind = [("dct:type", iri(party.kind))] if party.kind else []
            said = [("foaf:name", text(party.name, "en")), *kind]
            said += [("foaf:mbox", iri(f"mailto:{party.email}"))] if party.email else []
            said += [("foaf:homepage", iri(party.url))] if party.url else []
            said += _holder(party) if name == "publisher" else []
            point = _part(card, f"{name}-contact")
            yield about(_part(card, name), "foaf:Agent", [*said, ("cv:contactPoint", point)])
            yield about(point, "cv:ContactPoint", _reached(party, "cv:email", "cv:contactPage"))
    if record.contact.name:
        said = [("vcard:fn", text(record.contact.name, "en"))]
        email = record.contact.email
        said += [("vcard:hasEmail", iri(f"mailto:{email}"))] if email else []
        said += [("vcard:hasURL", iri(record.contact.url))] if record.contact.url else []
        yield about(_part(card, "contact"), "vcard:Kind, vcard:Organization", said)


def _holder(party: Party) -> Said:
    """What release 5 of the profile asks of a publisher; later ones leave it out."""
    said = [("healthdcatap:publisherType", iri(party.kind))] if party.kind else []
    said += [("healthdcatap:publisherNote", text(party.note, "en"))] if party.note else []
    trusted = typed(str(party.is_trusted_holder).lower(), "xsd:boolean")
    return [*said, ("healthdcatap:trustedDataHolder", trusted)]


def _reached(party: Party, email: str, page: str) -> Said:
    found = [(email, text(party.email))] if party.email else []
    return found + ([(page, iri(party.url))] if party.url else [])


def _concepts(card: Card) -> Iterator[str]:
    """Every concept named above, typed and labelled: range shapes look for it in the document."""
    record = card.record
    schemes = {
        f"{EU}data-theme": ("skos:Concept", record.themes),
        f"{EU}access-right": ("skos:Concept, dct:RightsStatement", (record.access_rights,)),
        f"{EU}dataset-type": ("skos:Concept", (record.dataset_type,)),
        f"{EU}frequency": ("skos:Concept, dct:Frequency", (record.frequency,)),
        f"{EU}country": ("skos:Concept, dct:Location", record.spatial),
        f"{EU}language": ("skos:Concept, dct:LinguisticSystem", record.languages),
        f"{HEALTH}healthcategories": ("skos:Concept", record.health_categories),
        f"{HEALTH}coding-system": ("skos:Concept, dct:Standard", record.coding_systems),
    }
    for scheme, (kind, codes) in schemes.items():
        for code in filter(None, codes):
            said = [("skos:prefLabel", text(code, "en")), ("skos:inScheme", iri(scheme))]
            yield about(iri(f"{scheme}/{code}"), kind, said)
    for theme in record.health_themes:
        said = [("skos:prefLabel", text(theme.rpartition("/")[2], "en"))]
        scheme = theme.rpartition("/")[0]
        yield about(iri(theme), "skos:Concept", [*said, ("skos:inScheme", iri(scheme))])
    if record.publisher.kind:
        scheme, _, code = record.publisher.kind.rpartition("/")
        said = [("skos:prefLabel", text(code, "en")), ("skos:inScheme", iri(scheme))]
        yield about(iri(record.publisher.kind), "skos:Concept", said)
    for law in record.legislation:
        yield about(iri(law), "eli:LegalResource", [])


def _others(card: Card) -> Iterator[str]:
    first, last = responsible.timeframe(card)
    period = [("dcat:startDate", first), ("dcat:endDate", last)]
    dates = [(name, typed(day, "xsd:date")) for name, day in period]
    yield about(_part(card, "period"), "dct:PeriodOfTime", dates)
    words = [
        *_words("rdfs:label", card.record.collection),
        *(("rdfs:label", text(sentence.en, "en")) for sentence in responsible.raw_data(card)),
    ]
    yield about(_part(card, "provenance"), "dct:ProvenanceStatement", words)
    yield about(iri(f"{card.iri}#offer"), "odrl:Policy", [("rdfs:seeAlso", text(policy.NAME))])
    if card.record.legal_basis:
        basis = _words("dct:description", card.record.legal_basis)
        yield about(_part(card, "legal-basis"), "dpv:LegalBasis", basis)
    yield about(iri(PARQUET), "dct:MediaType", [])
    kind = [("skos:prefLabel", text("Parquet", "en")), ("skos:inScheme", iri(f"{EU}file-type"))]
    yield about(iri(f"{EU}file-type/PARQUET"), "skos:Concept, dct:MediaTypeOrExtent", kind)
    rights = ("rdfs:label", text("Under a licence only; see the terms of use.", "en"))
    yield about(_part(card, "rights"), "dct:RightsStatement", [rights])
    if card.has_sample:
        yield about(_part(card, "sample"), "dcat:Distribution", _sample(card))


def _sample(card: Card) -> Said:
    """The synthetic sample, which needs no licence."""
    page, laws = card.record.contact.url, card.record.legislation
    return [
        ("dct:title", text("Synthetic sample: invented patients, the same tables", "en")),
        *([("dcat:accessURL", iri(page))] if page else []),
        *(("dcatap:applicableLegislation", iri(law)) for law in laws),
        ("dcat:mediaType", iri(PARQUET)),
    ]


def _distribution(card: Card, table: Table) -> str:
    page = card.record.contact.url
    checksum = (
        f"[ a spdx:Checksum ; spdx:algorithm spdx:checksumAlgorithm_sha256 ; "
        f"spdx:checksumValue {typed(table.sha256, 'xsd:hexBinary')} ]"
    )
    said = [
        ("dct:title", text(table.name, "en")),
        ("dct:identifier", text(table.path)),
        *([("dcat:accessURL", iri(page))] if page else []),
        *(("dcatap:applicableLegislation", iri(law)) for law in card.record.legislation),
        ("dcat:mediaType", iri(PARQUET)),
        ("dct:format", iri(f"{EU}file-type/PARQUET")),
        ("dct:rights", _part(card, "rights")),
        ("dcat:byteSize", typed(table.bytes, "xsd:nonNegativeInteger")),
        ("spdx:checksum", checksum),
        ("odrl:hasPolicy", iri(f"{card.iri}#offer")),
    ]
    if table.rows is not None:
        said.append(("csvw:rowCount", typed(table.rows, "xsd:nonNegativeInteger")))
    return about(_part(card, table.name), "dcat:Distribution", said)


def _variables(card: Card) -> Iterator[str]:
    """The columns as CSV on the Web has them; units in UCUM stand in the description."""
    tables = [("csvw:table", _part(card, f"table/{table.name}")) for table in card.tables]
    yield about(_part(card, "variables"), "csvw:TableGroup", tables)
    for table in card.tables:
        columns = ", ".join(_column(field) for field in table.fields)
        said = [("dct:title", text(table.name, "en")), ("csvw:column", columns)]
        yield about(_part(card, f"table/{table.name}"), "csvw:Table", said)


def _column(field: Field) -> str:
    words = field.description + (f" Unit: {field.unit}." if field.unit else "")
    told = f" ; dct:description {text(words, 'en')}" if words else ""
    return (
        f"[ a csvw:Column ; csvw:name {text(field.name)} ; csvw:titles {text(field.name)} ; "
        f"csvw:datatype {text(data_type(field.type))}{told} ]"
    )


def data_type(kind: str) -> str:
    """CSVW's name (XML Schema) of a DuckDB type."""
    if kind.startswith("TIMESTAMP"):
        return "dateTime"
    if kind.startswith(("DOUBLE", "FLOAT")):
        return "double"
    return "decimal" if kind.startswith("DECIMAL") else _DATATYPES.get(kind, "integer")


def _part(card: Card, name: str) -> str:
    return iri(f"{card.iri}#{name}")


def _each(predicate: str, before: str, codes: tuple[str, ...]) -> Said:
    return [(predicate, iri(f"{before}{code}")) for code in codes if code]


def _words(predicate: str, said: Mapping[str, str] | None) -> Said:
    return [(predicate, text(words, lang)) for lang, words in (said or {}).items()]


def readdressed(document: str, moved: Mapping[str, FileEntry]) -> str:
    """The same over other files of the same tables; ``moved`` maps a former path to its file."""
    blocks = document.split("\n\n")
    return "\n\n".join(_moved(block, moved) for block in blocks)


def _moved(block: str, moved: Mapping[str, FileEntry]) -> str:
    found = re.search(r'dct:identifier "(data/[^"]+)"', block)
    entry = moved.get(found.group(1)) if found else None
    if not found or entry is None:
        return block
    block = block.replace(f'"{found.group(1)}"', f'"{entry.path}"')
    block = re.sub(r'checksumValue "[0-9a-f]+"', f'checksumValue "{entry.sha256}"', block)
    return re.sub(r'byteSize "\d+"', f'byteSize "{entry.bytes}"', block)


def issued(document: str, day: str) -> str:
    """The same with the day of its publication, ISO 8601."""
    return document.replace(
        " a dcat:Dataset ;\n", f" a dcat:Dataset ;\n    dct:issued {typed(day, 'xsd:date')} ;\n", 1
    )
