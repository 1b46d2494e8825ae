"""How a student is trained."""

from pydantic import Field, model_validator

from parts.project.sections import Trainings


class Recipe(Trainings, extra="forbid", frozen=True):
    """Section `train` of params.yaml."""

    lora_r: int | None = Field(ge=1)  # null: full fine-tuning, which needs a lower learning rate
    lora_alpha: int = Field(ge=1)
    use_rslora: bool = False  # scale by lora_alpha / sqrt(lora_r), for high ranks
    use_dora: bool = False  # train the length of each weight vector apart from its direction; slower
    load_in_4bit: bool = False  # the student in NF4 beside the adapter, in a quarter of the memory; needs bitsandbytes
    learning_rate: float = Field(gt=0)
    num_train_epochs: float = Field(gt=0)
    per_device_train_batch_size: int = Field(ge=1)  # rows of a batch, over all processes
    gradient_accumulation_steps: int = Field(default=1, ge=1)  # batches of a step
    max_length: int = Field(ge=16)  # tokens of a row; longer documents are split, longer questions left out
    warmup_ratio: float = Field(ge=0, lt=1)  # fraction of the steps
    weight_decay: float = Field(ge=0)
    completion_only_loss: bool  # false: loss on the prompts too

    @model_validator(mode="after")
    def adapted(self) -> "Recipe":
        """Return the recipe. Raises ValueError for what only an adapter has, without one."""
        if self.lora_r is None and (self.use_rslora or self.use_dora or self.load_in_4bit):
            raise ValueError(
                "use_rslora, use_dora and load_in_4bit are for an adapter: set lora_r, or leave them false"
            )
        return self
