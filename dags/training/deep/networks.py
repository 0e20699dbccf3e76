"""The networks of neuralforecast, small enough for a processor without a GPU."""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from neuralforecast import NeuralForecast
from neuralforecast.models import NHITS, PatchTST, TiDE
from numpy.typing import NDArray

from deep.windows import last_steps, training_hours, validation_windows
from water_flow.series import Split

WINDOW = 168
NETWORKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "nhits": (NHITS, {"mlp_units": [[64, 64]] * 3}),
    "tide": (TiDE, {"hidden_size": 64, "decoder_output_dim": 8, "temporal_decoder_dim": 32}),
    "patchtst": (PatchTST, {"hidden_size": 32, "linear_hidden_size": 64, "n_heads": 4, "encoder_layers": 2}),
}


def forecast(
    name: str, split: Split, *, steps: int, threads: int, progress: bool, model_dir: Path
) -> NDArray[np.float64]:
    """Train a network, save it, and return its forecasts of the validation rows.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    split : Split
        The data.
    steps : int
        Number of training steps.
    threads : int
        Number of threads of torch; 0: as many as it takes by itself.
    progress : bool
        Whether to draw progress bars.
    model_dir : Path
        The folder for the trained network; Lightning's logs go beside it.
    """
    if threads:
        torch.set_num_threads(threads)
    _quieten()
    network, options = NETWORKS[name]
    model = network(
        h=split.horizon,
        input_size=WINDOW,
        max_steps=steps,
        random_seed=split.seed,
        scaler_type="robust",
        batch_size=1,
        windows_batch_size=64,
        alias=name,
        devices=1,
        default_root_dir=str(model_dir.parent),
        enable_progress_bar=progress,
        enable_model_summary=False,
        **options,
    )
    library = NeuralForecast(models=[model], freq="h")
    library.fit(df=training_hours(split))
    forecasts = library.predict(df=validation_windows(split, WINDOW))
    library.save(str(model_dir), overwrite=True, save_dataset=False)
    return last_steps(forecasts.reset_index(), name)


def _quieten() -> None:
    """Keep advice that helps nobody here out of the log: on workers, on GPUs, on how to log in."""
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "pytorch_lightning", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
