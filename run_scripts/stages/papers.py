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
XLM = Paper(
    "1901.07291",
    """@inproceedings{conneau-lample-2019-cross,
  title = {Cross-lingual Language Model Pretraining},
  author = {Conneau, Alexis and Lample, Guillaume},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2019},
}""",
)
XLM_ALIGN = Paper(
    "2106.06381",
    """@inproceedings{chi-etal-2021-improving,
  title = {Improving Pretrained Cross-Lingual Language Models via Self-Labeled Word Alignment},
  author = {Chi, Zewen and Dong, Li and Zheng, Bo and Huang, Shaohan and Mao, Xian-Ling and Huang, Heyan and
    Wei, Furu},
  booktitle = {Proceedings of ACL},
  year = {2021},
}""",
)
INFOXLM = Paper(
    "2007.07834",
    """@inproceedings{chi-etal-2021-infoxlm,
  title = {{InfoXLM}: An Information-Theoretic Framework for Cross-Lingual Language Model Pre-Training},
  author = {Chi, Zewen and Dong, Li and Wei, Furu and Yang, Nan and Singhal, Saksham and Wang, Wenhui and Song, Xia and
    Mao, Xian-Ling and Huang, Heyan and Zhou, Ming},
  booktitle = {Proceedings of NAACL},
  year = {2021},
}""",
)
XTUNE = Paper(
    "2106.08226",
    """@inproceedings{zheng-etal-2021-consistency,
  title = {Consistency Regularization for Cross-Lingual Fine-Tuning},
  author = {Zheng, Bo and Dong, Li and Huang, Shaohan and Wang, Wenhui and Chi, Zewen and Singhal, Saksham and
    Che, Wanxiang and Liu, Ting and Song, Xia and Wei, Furu},
  booktitle = {Proceedings of ACL},
  year = {2021},
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
BACKPACK = Paper(
    "2305.16765",
    """@inproceedings{hewitt-etal-2023-backpack,
  title = {Backpack Language Models},
  author = {Hewitt, John and Thickstun, John and Manning, Christopher D. and Liang, Percy},
  booktitle = {Proceedings of ACL},
  year = {2023},
}""",
)
LORA = Paper(
    "2106.09685",
    """@inproceedings{hu-etal-2022-lora,
  title = {{LoRA}: Low-Rank Adaptation of Large Language Models},
  author = {Hu, Edward J. and Shen, Yelong and Wallis, Phillip and Allen-Zhu, Zeyuan and Li, Yuanzhi and
    Wang, Shean and Wang, Lu and Chen, Weizhu},
  booktitle = {Proceedings of ICLR},
  year = {2022},
}""",
)
IA3 = Paper(
    "2205.05638",
    """@inproceedings{liu-etal-2022-few,
  title = {Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning},
  author = {Liu, Haokun and Tam, Derek and Muqeeth, Mohammed and Mohta, Jay and Huang, Tenghao and Bansal, Mohit and
    Raffel, Colin},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2022},
}""",
)
PREFIX = Paper(
    "2101.00190",
    """@inproceedings{li-liang-2021-prefix,
  title = {Prefix-Tuning: Optimizing Continuous Prompts for Generation},
  author = {Li, Xiang Lisa and Liang, Percy},
  booktitle = {Proceedings of ACL},
  year = {2021},
}""",
)
ADAPTERS = {"LoRA": LORA, "IA3": IA3, "Prefix": PREFIX}
"""By what a card calls an adapter of PEFT's."""
METHODS = {"LORA": "LoRA", "IA3": "IA3", "PREFIX_TUNING": "Prefix"}
"""What that is, by PEFT's own name."""
SENSIA = Paper(
    "2601.10310",
    """@misc{cruz-etal-2026-multilinguality,
  title = {Multilinguality as Sense Adaptation},
  author = {Cruz, Jan Christian Blaise and Adelani, David Ifeoluwa and Aji, Alham Fikri},
  year = {2026},
  eprint = {2601.10310},
  archivePrefix = {arXiv},
}""",
)
ADAMERGEX = Paper(
    "2402.18913",
    """@inproceedings{zhao-etal-2025-adamergex,
  title = {{AdaMergeX}: Cross-Lingual Transfer with Large Language Models via Adaptive Adapter Merging},
  author = {Zhao, Yiran and Zhang, Wenxuan and Wang, Huiming and Kawaguchi, Kenji and Bing, Lidong},
  booktitle = {Proceedings of NAACL},
  year = {2025},
}""",
)
