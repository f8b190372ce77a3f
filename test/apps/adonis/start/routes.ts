import router from '@adonisjs/core/services/router';

const FerriesController = () => import('#controllers/ferries_controller');

router.use([() => import('@adonisjs/core/bodyparser_middleware')]);
router.get('/', [FerriesController, 'index']);
router.post('/', [FerriesController, 'store']);
