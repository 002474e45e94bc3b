/* davegan_device_count, _info, and what becomes of devices that are not there. */
#include "fixture.h"

static void every_device_has_a_kind_a_number_and_a_name(void) {
    int32_t count = 0, of_kind[4] = {0, 0, 0, 0};
    OK(davegan_device_count(&count));
    CHECK(count >= 1);
    for (int32_t number = 0; number < count; ++number) {
        davegan_device_info_t info;
        OK(davegan_device_info(number, &info, sizeof info));
        CHECK_INT(sizeof info, info.struct_size);
        CHECK(info.kind >= DAVEGAN_DEVICE_KIND_CPU && info.kind <= DAVEGAN_DEVICE_KIND_WGPU);
        CHECK((info.kind == DAVEGAN_DEVICE_KIND_CPU) == (number == 0));
        CHECK_INT(of_kind[info.kind], info.device_index);
        ++of_kind[info.kind];
        CHECK(info.memory >= 0);
        CHECK(info.name[0] != '\0' && memchr(info.name, '\0', sizeof info.name) != NULL);
    }
}

static void wrong_arguments_are_refused(void) {
    davegan_device_info_t info;
    int32_t count = 0;
    OK(davegan_device_count(&count));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_device_count(NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_device_info(0, NULL, sizeof info));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_device_info(0, &info, 8));
    FAILS(DAVEGAN_INVALID_PARAMETER, "-1", davegan_device_info(-1, &info, sizeof info));
    FAILS(DAVEGAN_INVALID_PARAMETER, "numbered from 0", davegan_device_info(count, &info, sizeof info));
    CHECK_INT(0, info.struct_size);
}

static void devices_that_are_not_there_are_named_and_the_library_works_on(void) {
    davegan_train_options_t options = short_training();
    davegan_micrograph_t *micrograph = small_micrograph();
    options.device = DAVEGAN_DEVICE_KIND_CUDA;
    options.device_index = 1000;
    FAILS(DAVEGAN_DEVICE, "cuda:1000", davegan_train_micrograph(micrograph, TEST_FILE("model.h5"), &options, NULL));
    options.device = DAVEGAN_DEVICE_KIND_WGPU;
    FAILS(DAVEGAN_DEVICE, "wgpu:1000", davegan_train_micrograph(micrograph, TEST_FILE("model.h5"), &options, NULL));
    options.device = DAVEGAN_DEVICE_KIND_AUTO;
    FAILS(DAVEGAN_INVALID_PARAMETER, "device_index = 1000",
          davegan_train_micrograph(micrograph, TEST_FILE("model.h5"), &options, NULL));
    options.device_index = 0;
    OK(davegan_train_micrograph(micrograph, TEST_FILE("model.h5"), &options, NULL));
    davegan_model_t *model = NULL;
    FAILS(DAVEGAN_DEVICE, "choose",
          davegan_model_load(TEST_FILE("model.h5"), DAVEGAN_DEVICE_KIND_WGPU, 1000, &model));
    CHECK(model == NULL);
    OK(davegan_model_load(TEST_FILE("model.h5"), DAVEGAN_DEVICE_KIND_AUTO, 0, &model));
    davegan_model_free(model);
    davegan_micrograph_free(micrograph);
}

int main(void) {
    every_device_has_a_kind_a_number_and_a_name();
    wrong_arguments_are_refused();
    devices_that_are_not_there_are_named_and_the_library_works_on();
    return 0;
}
