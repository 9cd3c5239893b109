"""The papers behind what the scripts train, for the cards."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """An arXiv id and the BibTeX of the published version."""

    arxiv: str
    bibtex: str


XLM_R = Paper(
    "1911.02116",
    """@inproceedings{conneau-etal-2020-unsupervised,
  title = {Unsupervised Cross-lingual Representation Learning at Scale},
  author = {Conneau, Alexis and Khandelwal, Kartikay and Goyal, Naman and Chaudhary, Vishrav and Wenzek, Guillaume and
    Guzm{\\'a}n, Francisco and Grave, Edouard and Ott, Myle and Zettlemoyer, Luke and Stoyanov, Veselin},
  booktitle = {Proceedings of ACL},
  year = {2020},
}""",
)
MADX = Paper(
    "2005.00052",
    """@inproceedings{pfeiffer-etal-2020-mad,
  title = {{MAD-X}: An Adapter-Based Framework for Multi-Task Cross-Lingual Transfer},
  author = {Pfeiffer, Jonas and Vuli{\\'c}, Ivan and Gurevych, Iryna and Ruder, Sebastian},
  booktitle = {Proceedings of EMNLP},
  year = {2020},
}""",
)
MADX2 = Paper(
    "2012.15562",
    """@inproceedings{pfeiffer-etal-2021-unks,
  title = {{UNK}s Everywhere: Adapting Multilingual Language Models to New Scripts},
  author = {Pfeiffer, Jonas and Vuli{\\'c}, Ivan and Gurevych, Iryna and Ruder, Sebastian},
  booktitle = {Proceedings of EMNLP},
  year = {2021},
}""",
)
