/* The sizes and the last fields' places of the structures as the C compiler sees davegan.h, for test_sizes.f90. */
#include <davegan.h>

#define LAYOUT(type, last) {sizeof(type), offsetof(type, last)}

static const size_t LAYOUTS[][2] = {
    LAYOUT(davegan_progress_t, loss_divergence),   LAYOUT(davegan_micrograph_options_t, voxel_size),
    LAYOUT(davegan_sample_options_t, gap),         LAYOUT(davegan_micrograph_info_t, voxel_size),
    LAYOUT(davegan_train_options_t, user_data),    LAYOUT(davegan_model_info_t, voxel_size),
    LAYOUT(davegan_generate_options_t, majority),  LAYOUT(davegan_s2_options_t, max_lag),
    LAYOUT(davegan_evaluation_t, count),           LAYOUT(davegan_device_info_t, name),
    LAYOUT(davegan_relax_options_t, volume_fraction), LAYOUT(davegan_element_statistics_t, error),
    LAYOUT(davegan_export_options_t, plane_stress),   LAYOUT(davegan_volume_descriptors_t, conductivity),
};

/* Structure i, in the order above; what is 0 for the size and 1 for the offset of the last field. */
size_t layout_in_c(int i, int what);

size_t layout_in_c(int i, int what) { return LAYOUTS[i][what]; }
