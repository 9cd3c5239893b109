"""Which licenses the Hub knows by an identifier, and how a card names one that it does not know.

Source: https://huggingface.co/docs/hub/repositories-licenses
"""

import re

IDENTIFIERS = frozenset(
    """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 etalab-2.0
    eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community h-research
    intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit
    mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openmdw-1.0 openmdw-1.1 openrail openrail++ osl-3.0 other pddl postgresql
    unknown unlicense wtfpl zlib
    """.split()
)


def license_metadata(name: str, link: str = "") -> dict[str, str | list[str]]:
    """Return the fields of a card's header for one identifier, several with commas between, or another name.

    A name that the Hub does not know becomes `license_name` beside `license: other`, in the form of an identifier.
    """
    parts = [part.strip().lower() for part in name.split(",") if part.strip()]
    if not parts:
        return {}
    fields: dict[str, str | list[str]] = {"license": parts if len(parts) > 1 else parts[0]}
    if not IDENTIFIERS.issuperset(parts):
        fields = {"license": "other"}
        short_name = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
        if short_name:
            fields["license_name"] = short_name
    return {**fields, "license_link": link} if link else fields
