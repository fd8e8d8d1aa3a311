"""Two images in, figures out."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.compare.compare import Comparison, compare_images
    from nbcompare.compare.image import Roi, Shape, read_float_image
    from nbcompare.compare.metrics import METRICS, metrics_table
    from nbcompare.compare.pictures import write_pictures
else:
    __getattr__ = door(__name__, {"compare": "Comparison compare_images", "image": "Roi Shape read_float_image",
                                  "metrics": "METRICS metrics_table", "pictures": "write_pictures"})

__all__ = ["METRICS", "Comparison", "Roi", "Shape", "compare_images", "metrics_table", "read_float_image",
           "write_pictures"]
