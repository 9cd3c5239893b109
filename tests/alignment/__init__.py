"""What tests of word alignment share: a tiny aligner, plain-loop oracles, a published folder in a fresh process."""
