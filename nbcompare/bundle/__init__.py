"""The folder that proves a result: its names, manifest, record and texts."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.bundle.bundle import Bundle, load_bundle, staging
    from nbcompare.bundle.check.pairing import compare_bundles
    from nbcompare.bundle.check.recheck import check_bundle
    from nbcompare.bundle.check.verify import verified, verify_bundle
    from nbcompare.bundle.keep.exchange import export_bundle, import_bundle
    from nbcompare.bundle.listing import list_bundles, newest_bundle
    from nbcompare.bundle.record import Record
else:
    __getattr__ = door(__name__, {"bundle": "Bundle load_bundle staging", "check.pairing": "compare_bundles",
                                  "check.recheck": "check_bundle", "check.verify": "verified verify_bundle",
                                  "keep.exchange": "export_bundle import_bundle",
                                  "listing": "list_bundles newest_bundle", "record": "Record"})

__all__ = ["Bundle", "Record", "check_bundle", "compare_bundles", "export_bundle", "import_bundle", "list_bundles",
           "load_bundle", "newest_bundle", "staging", "verified", "verify_bundle"]
