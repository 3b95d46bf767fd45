"""python -m models.export --checkpoint runs/first/checkpoint.pt --pack models/packs/default"""

import argparse
from pathlib import Path

from models.card import CARD_FILE, Card
from models.export import export, open_checkpoint


def main() -> None:
    """Writes the graph of the bundled pack; the card's sha256 is rewritten, everything else in it stays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument(
        "--pack", type=Path, required=True, help="folder with card.toml; reader.onnx is written beside it"
    )
    asked = parser.parse_args()
    card = Card.load(asked.pack)
    bench = open_checkpoint(asked.checkpoint, len(card.labels), card.temperature, mirror=True)
    digest = export(bench, card.preprocess.size, card.weights_path, card.preprocess.channels)
    text = (asked.pack / CARD_FILE).read_text("utf-8").replace(card.sha256, digest)
    (asked.pack / CARD_FILE).write_text(text, "utf-8")
    print(f"{card.weights_path.name} {card.weights_path.stat().st_size} bytes sha256 {digest}")


if __name__ == "__main__":
    main()
