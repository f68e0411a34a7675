"""`helpdesk evaluate`: how good the model, the answers and their judge are."""

from cli.app import new_app
from cli.evaluate_answers import evaluate_answers
from cli.evaluate_judge import evaluate_judge
from cli.evaluate_model import evaluate_model

app = new_app("How good the model and the answers are; without a further word, the model.", default="model")
app.command("model")(evaluate_model)
app.command("answers")(evaluate_answers)
app.command("judge")(evaluate_judge)
