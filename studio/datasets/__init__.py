"""Pictures with captions to train on: read from a folder, a ZIP or the gallery, checked, sized and split.

with open_dataset("carpets/") as dataset:
    print(*dataset.check(1024, multiple_px=16, smallest_px=512).lines(), sep="\\n")
    buckets = plan_buckets(dataset.examples, 1024, 16, 512)
    trained, held_out = split(dataset.examples, share=0.1, seed=0)
    pixels = fit(dataset.open(trained[0]), buckets[trained[0].id])
"""

from studio.datasets.buckets import Bucket, fit, measure_crop, plan_buckets
from studio.datasets.caption_table import CaptionRow, WrittenCaptions, list_captions, write_captions
from studio.datasets.captions import CAPTION_LIMIT, METADATA_FILE, Caption, Origin, Remark
from studio.datasets.collecting import check_name, collect
from studio.datasets.dataset import Dataset, Progress, open_dataset
from studio.datasets.descriptions import describe_design
from studio.datasets.example import AlikePictures, Example
from studio.datasets.report import DatasetReport
from studio.datasets.splitting import LEAST_DESIGNS, split

__all__ = [
    "CAPTION_LIMIT",
    "LEAST_DESIGNS",
    "METADATA_FILE",
    "AlikePictures",
    "Bucket",
    "Caption",
    "CaptionRow",
    "Dataset",
    "DatasetReport",
    "Example",
    "Origin",
    "Progress",
    "Remark",
    "WrittenCaptions",
    "check_name",
    "collect",
    "describe_design",
    "fit",
    "list_captions",
    "measure_crop",
    "open_dataset",
    "plan_buckets",
    "split",
    "write_captions",
]
