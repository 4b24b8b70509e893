/**
 * A package registry that everybody may install from and only the build may publish to. Registry and npm client know
 * nothing of the mesh.
 */
import { defineMesh } from 'selvage'

export default defineMesh({
  name: 'workshop',
  services: {
    registry: { targetPort: 4873 },
  },
  workloads: {
    build: { calls: ['registry'] },
    laptop: { calls: ['registry'] },
  },
  access: [
    { name: 'build-publishes', from: 'build', to: 'registry' },
    { name: 'laptops-install', from: 'laptop', to: 'registry', methods: ['GET', 'HEAD', 'POST'] },
  ],
})
