/* davegan_model_history. */
#include "fixture.h"

static void the_history_has_a_row_per_interval(void) {
    const davegan_train_options_t options = training_with_history();
    train_small_model(TEST_FILE("history.h5"), &options);
    davegan_model_t *model = NULL;
    OK(davegan_model_load(TEST_FILE("history.h5"), DAVEGAN_DEVICE_KIND_CPU, 0, &model));
    double history[2 * 6];
    davegan_model_info_t info;
    OK(davegan_model_info(model, &info, sizeof info));
    CHECK_INT(2, info.n_history);
    OK(davegan_model_history(model, history, 12));
    for (int row = 0; row < 2; ++row) {
        CHECK_NEAR(1.0 * HISTORY_INTERVAL * (row + 1), history[6 * row], 0.0);
        for (int i = 1; i < 6; ++i) CHECK(isfinite(history[6 * row + i]));
    }
    FAILS(DAVEGAN_BUFFER_SIZE, "12", davegan_model_history(model, history, 11));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_history(model, NULL, 12));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_history(NULL, history, 12));
    davegan_model_free(model);
}

int main(void) {
    the_history_has_a_row_per_interval();
    return 0;
}
