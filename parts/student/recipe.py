"""How a student is trained."""

from pydantic import Field

from parts.project.sections import Trainings


class Recipe(Trainings, extra="forbid", frozen=True):
    """Section `train` of params.yaml."""

    lora_r: int | None = Field(ge=1)  # null: full fine-tuning, which needs a lower learning rate
    lora_alpha: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    num_train_epochs: float = Field(gt=0)
    per_device_train_batch_size: int = Field(ge=1)  # rows per step
    max_length: int = Field(ge=16)  # tokens of a row; longer documents are split, longer questions left out
    warmup_ratio: float = Field(ge=0, lt=1)  # fraction of the steps
    weight_decay: float = Field(ge=0)
    completion_only_loss: bool  # false: loss on the prompts too
