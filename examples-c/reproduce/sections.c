/* What the page says of each part of the paper, in the order of the page. */
#include "reproduce.h"

const section_t SECTIONS[N_SECTIONS] = {
    {"table4",
     "Table 4: errors of reconstructions and realisations",
     "Errors (Eq. 12) in 10<sup>-3</sup>. The paper's numbers are its own, on its own data after its own training of "
     "80,000 steps; a material is matched by the name of its dataset. Of two phases the smaller is judged, of several "
     "all but phase 0 count as one. E_gen alone says little: white noise of the right volume fraction scores like the "
     "material, and copies of the tiles score 0. A good model stands as far from the tiles as real windows that it "
     "has not seen, neither nearer nor farther.",
     "table4.tsv",
     0,
     0,
     {{NULL, NULL}}},
    {"figure3",
     "Figure 3: reconstruction error against beta",
     "Ellipses of 32 x 32 pixels, architecture of Table 2; in the table errors in 10<sup>-3</sup>. The paper trains on "
     "60,000 ellipses for 375,000 steps, and says of its figure: close to 0 for small beta, rising with beta, with a "
     "local minimum around 35.",
     "figure3.tsv",
     0,
     0,
     {{"figure3.svg", ""}, {NULL, NULL}}},
    {"figure4",
     "Figure 4: what latents do",
     "The reference ellipse, encoded, with one latent at a time moved within three standard deviations of the prior. "
     "The paper finds sudden changes and broken ellipses for beta 0.01, smooth changes for 1, and an ellipse that is "
     "not even reconstructed for 50. The table holds, for ellipses that training has not seen, Pearson's correlations "
     "of the encoder's means with the five true parameters: semi-axes a and b, centre x1 and x2, and the angle phi, "
     "also as cosine and sine of 2 phi, for an ellipse turned by pi is the same. Information is the divergence from "
     "the prior.",
     "figure4.tsv",
     0,
     0,
     {{"figure4-beta-0.01.svg", "(a) beta = 0.01"},
      {"figure4-beta-1.svg", "(b) beta = 1"},
      {"figure4-beta-50.svg", "(c) beta = 50"},
      {NULL, NULL}}},
    {"figure5",
     "Figure 5: losses",
     "Means over some training steps. The paper shows the first four, of the alloy: those of discriminator and "
     "generator are steady after about 24,000 steps (6,000 epochs), those of encoder and divergence after about 70,000 "
     "(17,500 epochs).",
     "figure5.tsv",
     1,
     1,
     {{"figure5-discriminator.svg", "(a) L_Disc"},
      {"figure5-generator.svg", "(b) L_Gen"},
      {"figure5-encoder.svg", "(c) L_Enc"},
      {"figure5-divergence.svg", "(d) L_KLD"},
      {"figure5-reconstruction.svg", "not in the paper: L_Rec"},
      {NULL, NULL}}},
    {"figure6",
     "Figure 6: checkerboard",
     "The paper reconstructs it perfectly, with a slight offset, and expects that all realisations are alike: so are "
     "the tiles.",
     NULL,
     0,
     0,
     {{"figure6.svg", ""}, {NULL, NULL}}},
};
